package consumers

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// RegisterSimulation registers the metric that says whether the installation is a simulation.
// Every stage has it, so that an alert finds a simulation among those in production; stages
// that share a registry share it.
func RegisterSimulation(simulation bool, registry prometheus.Registerer) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "simulation",
		Help: "1 where the installation is a simulation: its people are made up, and what it decides holds for nobody.",
	})
	if simulation {
		gauge.Set(1)
	}
	if registry == nil {
		return
	}
	err := registry.Register(gauge)
	if _, shared := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !shared {
		panic(err) // as for every other metric: two meanings under one name
	}
}
