package consumers

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// RegisterSimulation registers the metric that says whether the installation is a simulation.
// Every stage's process has it, so that an alert finds a simulation among those in production.
func RegisterSimulation(simulation bool, registry prometheus.Registerer) {
	gauge := promauto.With(registry).NewGauge(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "simulation",
		Help: "1 where the installation is a simulation: its people are made up, and what it decides holds for nobody.",
	})
	if simulation {
		gauge.Set(1)
	}
}
