package config

// Config is a klamm.yaml that was found good. Paths are relative to the
// working directory, secrets are read.
type Config struct {
	Version   int                 `config:"version,required"`
	Listeners Listeners           `config:"listeners,required"`
	Clusters  map[string]*Cluster `config:"clusters,required"` // by logical cluster id, "lkc-…"
	Identity  Identity            `config:"identity,required"`
	Audit     Audit               `config:"audit,required"`
	Cache     Path                `config:"cache"` // folder of the last good key sets; "" keeps them in memory
	Login     Later               `config:"login"`

	Warnings []Warning
}

// Listeners are the doors.
type Listeners struct {
	Kafka KafkaListener `config:"kafka,required"`
	Ops   Local         `config:"ops"` // zero: none
	HTTP  Later         `config:"http"`
}

// KafkaListener is where Kafka clients come in.
type KafkaListener struct {
	Address    Address   `config:"address,required"`
	Mechanisms []string  `config:"mechanisms"` // [OAUTHBEARER] when absent
	TLS        ServerTLS `config:"tls,required"`
	Brokers    Brokers   `config:"brokers,required"`
	// LogicalCluster is "required" (also when absent) or "optional": whether
	// clients must send the extension logicalCluster. A wrong one is refused
	// either way.
	LogicalCluster string `config:"logical_cluster"`

	// Cluster is the logical cluster that the address stands for.
	Cluster string
}

// Brokers says at which addresses clients see the brokers.
type Brokers struct {
	// Ports of the listener's own host, one for each broker.
	Ports Ports `config:"ports"`
	// Host is the name that clients are given for every broker; the certificate
	// must hold it. The listener's own host when absent.
	Host string `config:"host"`
	SNI  Later  `config:"sni"`
}

// ServerTLS is the certificate chain and key of a listener, PEM.
type ServerTLS struct {
	Cert     Path  `config:"cert,required"`
	Key      Path  `config:"key,required"`
	ClientCA Later `config:"client_ca"`
}

// Cluster is one Kafka cluster behind klamm.
type Cluster struct {
	Bootstrap []Address  `config:"bootstrap"`
	TLS       *ClientTLS `config:"tls"` // nil: plaintext
	Login     Login      `config:"login"`
	Engine    *Engine    `config:"engine"` // the lab's embedded Kafka instead
}

// Engine is the embedded Kafka; it has no settings.
type Engine struct{}

// ClientTLS is how klamm checks the brokers behind it.
type ClientTLS struct {
	CA   Path  `config:"ca"` // PEM; the system's authorities when absent
	Cert Later `config:"cert"`
	Key  Later `config:"key"`
}

// Login is klamm's own login upstream.
type Login struct {
	Mechanism string `config:"mechanism"` // "none" (also when absent) or "SCRAM-SHA-512"
	Username  string `config:"username"`
	Password  Secret `config:"password"`
}

// Identity says where identity documents are.
type Identity struct {
	Files   Path  `config:"files"` // folder of *.yaml, read-only
	Dir     Later `config:"dir"`
	Cluster Later `config:"cluster"`
	Topic   Later `config:"topic"`
}

// Audit says where the audit log goes.
type Audit struct {
	File   Path `config:"file,required"`
	Rotate Size `config:"rotate"` // 256MiB when absent
}
