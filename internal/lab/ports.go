package lab

// Ports are the lab's ports on loopback; zero lets the system choose. Brokers
// have the ports after Kafka.
type Ports struct {
	Kafka, Ops                                    int
	IMDS, IMDSTLS, Entra, EntraTLS, Okta, OktaTLS int
}

// DefaultPorts are the documented ones (docs/lab.md).
func DefaultPorts() Ports {
	return Ports{Kafka: 9092, Ops: 9644, IMDS: 9482, Entra: 9480, EntraTLS: 9443, Okta: 9481, OktaTLS: 9444, IMDSTLS: 9445}
}
