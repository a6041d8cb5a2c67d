package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// maxPEM is the largest certificate or key file, in bytes.
const maxPEM = 1 << 20

// hostName is a DNS name (RFC 1123, section 2.1).
var hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// kafka checks the listener and fills in what may be absent.
func (k *checker) kafka(l *KafkaListener) {
	if k.absent(&l.Mechanisms) {
		l.Mechanisms = []string{"OAUTHBEARER"}
	}
	if k.doc.Has(&l.Mechanisms) && len(l.Mechanisms) == 0 {
		k.fail(&l.Mechanisms, "listeners.kafka.mechanisms has none, expected OAUTHBEARER")
	}
	for i := range l.Mechanisms {
		k.word(&l.Mechanisms[i], "mechanism", listenerMechanisms)
		if slices.Contains(l.Mechanisms[:i], l.Mechanisms[i]) {
			k.fail(&l.Mechanisms[i], "mechanism %.32q stands twice", l.Mechanisms[i])
		}
	}
	k.word(&l.LogicalCluster, "listeners.kafka.logical_cluster", logicalCluster)
	if k.absent(&l.LogicalCluster) {
		l.LogicalCluster = "required"
	}
	k.brokers(l)
	if k.doc.Has(&l.TLS) {
		k.serverTLS(l)
	}
}

func (k *checker) brokers(l *KafkaListener) {
	b := &l.Brokers
	if k.absent(&b.Ports) {
		k.fail(b, "listeners.kafka.brokers.ports is missing, expected %s", b.Ports.expected())
	}
	if k.doc.Has(&b.Host) && !isHost(b.Host) {
		k.fail(&b.Host, "%.80q is no host, expected a DNS name or an IP address without a port", b.Host)
	}
	if !k.doc.Has(&l.Address) {
		return
	}
	if port := l.Address.Port(); b.Ports.First <= port && port <= b.Ports.Last && port != 0 {
		k.fail(&b.Ports, "ports %s hold the listener's own port %d", b.Ports, port).
			Mend("clients take a broker at the address they began with for the same server; begin at %d", port+1)
	}
	if !k.absent(&b.Host) {
		return
	}
	b.Host = l.Address.Host()
	if l.Address.everywhere() {
		k.fail(b, "listeners.kafka.brokers.host is missing, expected the name that clients find klamm by").
			Mend("the address %s listens everywhere and names no host; the certificate must hold the name", l.Address)
	}
}

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || len(s) <= 253 && hostName.MatchString(s)
}

// Certificate reads the chain and its key.
func (t ServerTLS) Certificate() (tls.Certificate, error) {
	chain, err := readFile(t.Cert, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readFile(t.Key, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, bad := tls.X509KeyPair(chain, key) // sets Leaf
	if bad != nil {
		return tls.Certificate{}, fault.New(fault.Invalid, "%s and %s are no certificate with its key: %s",
			t.Cert, t.Key, strings.TrimPrefix(bad.Error(), "tls: ")).Because(bad)
	}
	return pair, nil
}

// serverTLS tells now what clients would only find out at the handshake.
func (k *checker) serverTLS(l *KafkaListener) {
	pair, err := l.TLS.Certificate()
	if err != nil {
		k.add(&l.TLS, err)
		return
	}
	k.exposed(&l.TLS.Key, l.TLS.Key)
	if now := k.Now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
		k.warn(&l.TLS.Cert, "certificate-time", fmt.Sprintf("the certificate holds from %s to %s, which is not now",
			pair.Leaf.NotBefore.Format(time.RFC3339), pair.Leaf.NotAfter.Format(time.RFC3339)), "clients will refuse it")
	}
	if host := l.Brokers.Host; isHost(host) && pair.Leaf.VerifyHostname(host) != nil {
		k.warn(&l.TLS.Cert, "certificate-host", fmt.Sprintf("the certificate does not hold %s, which clients are given for the brokers", host),
			"clients will refuse it")
	}
}

// Pool reads the authorities; nil stands for the system's.
func (t ClientTLS) Pool() (*x509.CertPool, error) {
	if t.CA == "" {
		return nil, nil
	}
	data, err := readFile(t.CA, maxPEM)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fault.New(fault.Invalid, "%s has no certificate in PEM", t.CA)
	}
	return pool, nil
}

func (k *checker) cluster(name string, c *Cluster) {
	if c == nil {
		return
	}
	if c.Engine != nil {
		k.engine(c)
		return
	}
	if k.absent(&c.Bootstrap) || k.doc.Has(&c.Bootstrap) && len(c.Bootstrap) == 0 {
		k.fail(c, "%s.bootstrap is missing, expected a list of HOST:PORT", name)
	}
	for i, a := range c.Bootstrap {
		if k.doc.Has(&c.Bootstrap[i]) && (a.everywhere() || a.Port() == 0) {
			k.fail(&c.Bootstrap[i], "%s is no address to dial, expected HOST:PORT", a)
		}
	}
	if c.TLS != nil {
		k.path(&c.TLS.CA)
		if _, err := c.TLS.Pool(); err != nil {
			k.add(&c.TLS.CA, err)
		}
	}
	k.login(name, c)
}

// engine allows the embedded Kafka where the surroundings do, alone.
func (k *checker) engine(c *Cluster) {
	switch {
	case !k.Engine:
		k.fail(&c.Engine, "the engine is the lab's embedded Kafka and keeps nothing, expected bootstrap").
			Mend("use klamm lab, or name a Kafka cluster")
	case !k.absent(&c.Bootstrap) || !k.absent(&c.TLS) || !k.absent(&c.Login):
		k.fail(&c.Engine, "engine stands beside other settings, expected it alone")
	}
}

func (k *checker) login(name string, c *Cluster) {
	l := &c.Login
	if k.absent(&l.Mechanism) {
		k.fail(l, "%s.login.mechanism is missing, expected %s", name, orList(upstreamMechanisms.now))
		return
	}
	if k.absent(l) {
		l.Mechanism = "none"
	}
	k.word(&l.Mechanism, "mechanism", upstreamMechanisms)
	switch l.Mechanism {
	case "none":
		if l.Username != "" || k.doc.Has(&l.Password) {
			k.fail(l, "%s.login has a username or a password, expected neither with mechanism none", name)
		}
		if c.TLS == nil && slices.ContainsFunc(c.Bootstrap, func(a Address) bool { return !a.loopback() }) {
			k.warn(c, "open-upstream", name+" is reached in plain text and without a login", "whoever is on that network can pass klamm by; set tls and login")
		}
	case "SCRAM-SHA-512":
		k.scram(name, c)
	}
}

func (k *checker) scram(name string, c *Cluster) {
	l := &c.Login
	if k.absent(&l.Username) || k.doc.Has(&l.Username) && l.Username == "" {
		k.fail(l, "%s.login.username is missing, expected klamm's own user on the cluster", name)
	}
	if k.absent(&l.Password) {
		k.fail(l, "%s.login.password is missing, expected %s", name, l.Password.expected())
	}
	if k.doc.Has(&l.Password) {
		k.secret(&l.Password)
	}
	if k.absent(&c.TLS) {
		k.fail(c, "%s.tls is missing, expected {ca: PATH} or {}: SCRAM in plain text shows enough to guess the password, and does not show who answers", name)
	}
}

func (k *checker) secret(s *Secret) {
	if err := s.resolve(k.dir, k.LookupEnv); err != nil {
		k.add(s, err)
	} else if s.File != "" {
		k.exposed(s, s.File)
	}
}

func (k *checker) exposed(pointer any, path Path) {
	if exposed(path) {
		k.warn(pointer, "exposed-secret", fmt.Sprintf("%s can be read by every user of this machine", path), "chmod 600")
	}
}

// add places the fault of a file at the setting that names it.
func (k *checker) add(pointer any, err error) {
	if f, ok := err.(*fault.Error); ok {
		k.errs = append(k.errs, f.At(k.doc.Where(pointer)))
	}
}
