package advertise

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

func TestPorts(t *testing.T) {
	p, err := NewPorts("kafka.example.com", map[string]Range{
		"lkc-a": {Bootstrap: 9092, First: 9093, Last: 9095},
		"lkc-b": {Bootstrap: 9192, First: 9193, Last: 9193},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cluster string
		node    int32
		port    int32
		ok      bool
	}{
		{"lkc-a", Bootstrap, 9092, true},
		{"lkc-a", 0, 9093, true},
		{"lkc-a", 2, 9095, true},
		{"lkc-a", 3, 0, false},
		{"lkc-a", -2, 0, false},
		{"lkc-a", 1 << 30, 0, false},
		{"lkc-b", 0, 9193, true},
		{"lkc-b", 1, 0, false},
		{"lkc-c", 0, 0, false},
	} {
		host, port, ok := p.Addr(c.cluster, c.node)
		if port != c.port || ok != c.ok || ok != (host != "") {
			t.Errorf("Addr(%s, %d) = %q %d %v", c.cluster, c.node, host, port, ok)
		}
		if !ok {
			continue
		}
		if cluster, node, ok := p.Via(port); cluster != c.cluster || node != c.node || !ok {
			t.Errorf("Via(%d) = %s %d %v", port, cluster, node, ok)
		}
	}
	if _, _, ok := p.Via(9096); ok {
		t.Error("a port outside of every range stands for something")
	}
	if err := p.Check("lkc-a", []int32{0, 1, 2}); err != nil {
		t.Error(err)
	}
	if err := p.Check("lkc-a", []int32{0, 101}); fault.KindOf(err) != fault.Invalid || fault.HintOf(err) == "" {
		t.Errorf("a node id outside of the range: %v", err)
	}
}

func TestPortsThatMeet(t *testing.T) {
	for name, c := range map[string]map[string]Range{
		"bootstrap among the brokers": {"a": {9093, 9093, 9095}},
		"reversed":                    {"a": {9092, 9095, 9093}},
		"too high":                    {"a": {9092, 65000, 70000}},
		"no bootstrap":                {"a": {0, 9093, 9095}},
		"the same bootstrap":          {"a": {9092, 9093, 9095}, "b": {9092, 9193, 9195}},
		"ranges that overlap":         {"a": {9092, 9093, 9195}, "b": {9091, 9195, 9199}},
		"bootstrap in the other's":    {"a": {9092, 9093, 9195}, "b": {9100, 9295, 9299}},
	} {
		if _, err := NewPorts("h", c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewPorts("", nil); err == nil {
		t.Error("no host: accepted")
	}
}

func TestAuto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened, tried, fail := int32(0), 0, true
		a := &Auto{Host: "127.0.0.1", Open: func(string, int32) (int32, error) {
			if tried++; fail {
				return 0, errors.New("no port")
			}
			opened++
			return 40000 + opened, nil
		}}
		for range 10 {
			if _, _, ok := a.Addr("lkc-a", 0); ok {
				t.Fatal("an address without a listener")
			}
		}
		if tried != 1 {
			t.Errorf("tried %d times at once", tried)
		}
		fail = false
		<-time.After(pause)
		_, first, _ := a.Addr("lkc-a", 0)
		_, again, _ := a.Addr("lkc-a", 0)
		_, other, _ := a.Addr("lkc-a", Bootstrap)
		if first != 40001 || again != first || other != 40002 {
			t.Errorf("ports %d %d %d", first, again, other)
		}
	})
}

// TestAutoHasALimit: a cluster that claims to have any number of brokers does
// not get as many ports, and a number that is no broker's gets none.
func TestAutoHasALimit(t *testing.T) {
	opened := int32(0)
	a := &Auto{Host: "127.0.0.1", Open: func(string, int32) (int32, error) { opened++; return opened, nil }}
	for node := range int32(2 * mostAddresses) {
		a.Addr("lkc-a", node)
	}
	if _, _, ok := a.Addr("lkc-a", -2); ok || opened != mostAddresses {
		t.Errorf("%d ports", opened)
	}
	if _, port, ok := a.Addr("lkc-a", 7); !ok || port != 8 {
		t.Errorf("what was known before is lost: %d, %v", port, ok)
	}
	tried := 0
	b := &Auto{Host: "127.0.0.1", Open: func(string, int32) (int32, error) { tried++; return 0, errors.New("no port") }}
	for node := range int32(2 * mostAddresses) {
		b.Addr("lkc-a", node)
	}
	if tried != mostAddresses || len(b.failed) != mostAddresses {
		t.Errorf("%d tries, %d of them remembered", tried, len(b.failed))
	}
	if _, _, ok := (&Auto{Open: a.Open}).Addr("lkc-a", -2); ok {
		t.Error("node -2 has an address")
	}
}
