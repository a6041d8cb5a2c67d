package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Describe says in plain sentences what klamm would do with c.
func Describe(c *Config) []string {
	l := &c.Listeners.Kafka
	var say []string
	add := func(format string, args ...any) { say = append(say, fmt.Sprintf(format, args...)) }

	add("Kafka clients come in at %s over TLS with %s and are in %s.", l.Address, strings.Join(l.Mechanisms, ", "), l.Cluster)
	if l.Brokers.Ports.Auto {
		add("Each broker gets a port of %s that the system chooses, a new one at each start.", l.Brokers.Host)
	} else {
		add("Broker N is %s:%d+N, up to port %d; a broker beyond that is an error.", l.Brokers.Host, l.Brokers.Ports.First, l.Brokers.Ports.Last)
	}
	if l.LogicalCluster == "optional" {
		add("Clients may leave out the extension logicalCluster; a wrong one is refused.")
	} else {
		add("Clients must send the extension logicalCluster=%s.", l.Cluster)
	}
	for _, id := range slices.Sorted(maps.Keys(c.Clusters)) {
		add("%s", describeCluster(id, c.Clusters[id]))
	}
	add("Who may do what is read from the folder %s.", c.Identity.Files)
	add("Every decision is written to %s, which is rotated at %s.", c.Audit.File, c.Audit.Rotate)
	if c.Cache == "" {
		add("The providers' keys are kept in memory only: after a restart nobody gets in while a provider cannot be reached.")
	} else {
		add("The providers' last good keys are kept in %s.", c.Cache)
	}
	if c.Proxy != nil {
		add("The providers' keys are fetched through the proxy %s, which resolves their names: klamm cannot check the addresses behind them.", c.Proxy.URL)
	}
	if c.Listeners.Ops != (Local{}) {
		add("Health, metrics, reload and explain are at %s, for this machine only.", c.Listeners.Ops)
	}
	return say
}

func describeCluster(id string, c *Cluster) string {
	if c.Engine != nil {
		return fmt.Sprintf("%s is the embedded Kafka; what is in it is gone at the end.", id)
	}
	var hosts []string
	for _, a := range c.Bootstrap {
		hosts = append(hosts, string(a))
	}
	how := "in plain text"
	if c.TLS != nil {
		how = "over TLS, checked with the system's authorities"
		if c.TLS.CA != "" {
			how = fmt.Sprintf("over TLS, checked with %s", c.TLS.CA)
		}
	}
	who := "without a login"
	if c.Login.Mechanism != "none" {
		who = fmt.Sprintf("as %s with %s", c.Login.Username, c.Login.Mechanism)
	}
	return fmt.Sprintf("%s is behind %s, reached %s, %s.", id, strings.Join(hosts, ", "), how, who)
}
