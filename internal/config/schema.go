package config

// The comments of fields with a key are the sentences of
// docs/reference/configuration.md; what stands after "Default:" has a column there.

// Config is a klamm.yaml that was found good. Paths are relative to the
// working directory, secrets are read.
type Config struct {
	// The version of this format, 1.
	Version int `config:"version,required"`
	// Where klamm listens.
	Listeners Listeners `config:"listeners,required"`
	// The Kafka cluster behind klamm by its logical cluster id, which is lkc- and lower-case letters, digits or hyphens.
	Clusters map[string]*Cluster `config:"clusters,required"`
	// Where it stands who may do what.
	Identity Identity `config:"identity,required"`
	// The audit log.
	Audit Audit `config:"audit,required"`
	// Folder of the providers' last good keys, so that clients get in after a restart while a provider is down. Default: in memory only
	Cache Path `config:"cache"`
	// The HTTP proxy through which the providers' keys are fetched. HTTPS_PROXY of the environment is never used. Default: none
	Proxy *Proxy `config:"proxy"`
	Login Later  `config:"login"`

	Warnings []Warning
}

// Listeners are the doors.
type Listeners struct {
	// Where Kafka clients come in.
	Kafka KafkaListener `config:"kafka,required"`
	// Health, metrics, explain, sessions and reload, for this machine only. Default: none
	Ops  Local `config:"ops"`
	HTTP Later `config:"http"`
}

// KafkaListener is where Kafka clients come in.
type KafkaListener struct {
	// The address that clients begin with; without a host every interface.
	Address Address `config:"address,required"`
	// SASL mechanisms that clients may use: OAUTHBEARER. Default: [OAUTHBEARER]
	Mechanisms []string `config:"mechanisms"`
	// The certificate that clients see.
	TLS ServerTLS `config:"tls,required"`
	// The addresses at which clients see the brokers.
	Brokers Brokers `config:"brokers,required"`
	// Whether clients must send the extension logicalCluster: required or optional. A wrong one is refused either way. Default: required
	LogicalCluster string `config:"logical_cluster"`

	// Cluster is the logical cluster that the address stands for.
	Cluster string
}

// Brokers says at which addresses clients see the brokers.
type Brokers struct {
	// Ports of the listener, one for each broker: broker N has the port FIRST+N. auto lets the system choose, anew at each start. Required.
	Ports Ports `config:"ports"`
	// The name that clients are given for every broker; the certificate must hold it. Default: the host of listeners.kafka.address
	Host string `config:"host"`
	SNI  Later  `config:"sni"`
}

// ServerTLS is the certificate chain and key of a listener, PEM.
type ServerTLS struct {
	// The certificate and those between it and its authority, PEM.
	Cert Path `config:"cert,required"`
	// Its private key, PEM.
	Key      Path  `config:"key,required"`
	ClientCA Later `config:"client_ca"`
}

// Cluster is one Kafka cluster behind klamm.
type Cluster struct {
	// Brokers to begin with. Required, except beside engine.
	Bootstrap []Address `config:"bootstrap"`
	// How klamm checks the brokers; `{}` checks with the system's authorities. Default: plain text
	TLS *ClientTLS `config:"tls"`
	// klamm's own login at the cluster. Default: none
	Login Login `config:"login"`
	// The lab's embedded Kafka in place of all other settings; klamm serve refuses it.
	Engine *Engine `config:"engine"`
}

// Engine is the embedded Kafka; it has no settings.
type Engine struct{}

// ClientTLS is how klamm checks the brokers behind it.
type ClientTLS struct {
	// Certificate authorities of the brokers, PEM. Default: the system's
	CA   Path  `config:"ca"`
	Cert Later `config:"cert"`
	Key  Later `config:"key"`
}

// Login is klamm's own login upstream.
type Login struct {
	// none, or SCRAM-SHA-512, which needs tls, a username and a password. Required where login is set.
	Mechanism string `config:"mechanism"`
	// klamm's user at the cluster.
	Username string `config:"username"`
	// Its password, which stands elsewhere.
	Password Secret `config:"password"`
}

// Identity says where identity documents are.
type Identity struct {
	// Folder of the identity documents: every `*.yaml` in it, without subfolders and hidden files. klamm only reads it. Required.
	Files   Path  `config:"files"`
	Dir     Later `config:"dir"`
	Cluster Later `config:"cluster"`
	Topic   Later `config:"topic"`
}

// Audit says where the audit log goes.
type Audit struct {
	// The file; FILE.steps beside it is for explain.
	File Path `config:"file,required"`
	// The size, 1MiB or more, at which a new file begins; the old one gets the time behind its name. Default: 256MiB
	Rotate Size `config:"rotate"`
}

// Proxy is a way to the providers' key sets.
type Proxy struct {
	// The address of the proxy, http://HOST:PORT; TLS to the provider goes through it unbroken.
	URL string `config:"url,required"`
	// The user that klamm logs in as at the proxy. Default: no login
	Username string `config:"username"`
	// The password of that user.
	Password Secret `config:"password"`
	// Hosts that are reached without the proxy: names, or .example.com for every name under one.
	Direct []string `config:"direct"`
}
