package app

import (
	"testing"

	"github.com/klammhq/klamm/internal/advertise"
)

// TestBootstrapPort has brokers at ports of the system's choice: clients still
// find the bootstrap address where the configuration says.
func TestBootstrapPort(t *testing.T) {
	named, err := advertise.NewPorts("localhost", map[string]advertise.Range{"lkc-test": {Bootstrap: 9092, First: 9093, Last: 9192}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		doors  *doors
		node   int32
		wanted int
	}{
		{"auto, bootstrap", &doors{bootstrap: 19092}, advertise.Bootstrap, 19092},
		{"auto, bootstrap anywhere", &doors{}, advertise.Bootstrap, 0},
		{"auto, broker", &doors{bootstrap: 19092}, 3, 0},
		{"named, bootstrap", &doors{ports: named}, advertise.Bootstrap, 9092},
		{"named, broker", &doors{ports: named}, 3, 9096},
	} {
		tt.doors.cluster = "lkc-test"
		if got, err := tt.doors.portOf(tt.node); got != tt.wanted || err != nil {
			t.Errorf("%s: port %d (%v), not %d", tt.name, got, err, tt.wanted)
		}
	}
}
