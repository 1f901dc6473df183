package consumers

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// RegisterSimulation registers the metric that says whether the installation is a simulation.
// Every stage's process has it, so that an alert finds a simulation among those in production.
func RegisterSimulation(simulation bool, registry prometheus.Registerer) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "simulation",
		Help: "1 where the installation is a simulation: its people are made up, and what it decides holds for nobody.",
	})
	if err := registry.Register(gauge); err != nil && !isRegistered(err) {
		panic(err)
	}
	if simulation {
		gauge.Set(1)
	}
}

// isRegistered says that another stage of the same process registered the gauge before: they
// are of one installation.
func isRegistered(err error) bool {
	_, before := errors.AsType[prometheus.AlreadyRegisteredError](err)
	return before
}
