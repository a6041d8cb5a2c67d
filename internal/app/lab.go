package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/advertise"
	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/engine"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/lab"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/store/files"
	"github.com/klammhq/klamm/internal/upstream"
)

// LabOptions are the lab's flags. The zero value is a lab with ports of the
// system's choice.
type LabOptions struct {
	Ports         lab.Ports
	World         string // file; "" for the built-in world
	WorldText     string // instead of a file: its text
	EmulatorsOnly bool
	Issuers       string        // "microsoft", "own", or "" for the default
	TokenLifetime time.Duration // 0: as the real services
	Upstream      string        // host:port of a plain Kafka instead of the engine
	ArcKeys       string        // folder for Azure Arc's key files; "": no Arc
	IMDSListen    string        // one more ADDRESS:PORT of IMDS, on this machine; "": none
	Faults        []string      // that the emulators begin with, as "imds={…}"
	Version       string
	Log           *slog.Logger // nil: nothing is logged
	Keys          *LabKeys     // of the emulators; nil: made anew
	Remember      bool         // keep every audit record, for [Lab.Records]
}

// Lab is a running lab.
type Lab struct {
	Env lab.Env

	options   LabOptions
	world     *lab.World
	ca        *lab.CA
	folder    string // temporary, holds the CA's certificate
	emulators *emulators
	engine    *engine.Engine
	ring      *policy.Keyring
	rules     *rules
	records   records
	changing  sync.Mutex // orders changes by a program
	rotations int        // of Entra's keys
	gateway   *running
	opsURL    string
}

// StartLab starts everything and returns when it listens and the topics exist.
func StartLab(ctx context.Context, o LabOptions) (_ *Lab, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	l := &Lab{options: o}
	defer func() {
		if err != nil {
			_ = l.Close()
		}
	}()
	if o.WorldText != "" {
		l.world, err = lab.ParseWorld("world.yaml", []byte(o.WorldText))
	} else {
		l.world, err = lab.LoadWorld(o.World)
	}
	if err != nil {
		return nil, err
	}
	if o.Issuers == "microsoft" && l.world.Entra.Tenant != "random" {
		return nil, fault.New(fault.Invalid, "a tenant id of one's own with Microsoft's issuers could be somebody's, expected random").
			At(l.world.Entra.Place).Mend("write tenant: random, or use --issuers own")
	}
	if err = l.makeCA(); err != nil {
		return nil, err
	}
	if l.emulators, err = startEmulators(l.world, l.ca, o); err != nil {
		return nil, err
	}
	if !o.EmulatorsOnly {
		if err = l.startGateway(ctx); err != nil {
			return nil, err
		}
	}
	l.Env = l.environment()
	return l, nil
}

// complete fills the defaults in and refuses what does not fit.
func (o *LabOptions) complete() error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Issuers == "" && o.EmulatorsOnly:
		o.Issuers = "own"
	case o.Issuers == "":
		o.Issuers = "microsoft"
	case o.Issuers != "own" && o.Issuers != "microsoft":
		return fault.New(fault.Invalid, "--issuers is microsoft or own, not %q", o.Issuers)
	}
	if o.IMDSListen != "" {
		if _, err := metadataAddress(o.IMDSListen); err != nil {
			return err
		}
	}
	if o.TokenLifetime < 0 || o.TokenLifetime%time.Second != 0 {
		return fault.New(fault.Invalid, "--token-lifetime is whole seconds, such as 20s, not %s", o.TokenLifetime)
	}
	return nil
}

func (l *Lab) makeCA() (err error) {
	if l.ca, err = lab.NewCA(); err != nil {
		return err
	}
	if l.folder, err = os.MkdirTemp("", "klamm-lab-"); err == nil {
		err = os.WriteFile(l.caFile(), l.ca.PEM(), 0o600)
	}
	if err != nil {
		return fault.New(fault.Internal, "the lab's CA file cannot be written").Because(err)
	}
	return nil
}

func (l *Lab) caFile() string { return filepath.Join(l.folder, "ca.pem") }

// startGateway starts the cluster behind and the gateway in front of it.
func (l *Lab) startGateway(ctx context.Context) error {
	l.ring = policy.NewKeyring(policy.KeyOptions{NamedInConfiguration: true, Lab: true})
	l.rules = newRules(l.ring, l.options.Log, files.Options{Lab: true, Clusters: []string{l.world.Cluster.ID}}, l.documents(l.world.Identity))
	if err := l.rules.load(ctx); err != nil {
		return err
	}
	parts, err := l.gatewayParts()
	if err != nil {
		return err
	}
	if l.gateway, err = startGateway(parts, l.rules); err != nil {
		return err
	}
	topics := map[string]int32{}
	for name, t := range l.world.Cluster.Topics {
		topics[name] = int32(max(t.Partitions, 1))
	}
	return l.gateway.upstream.EnsureTopics(ctx, topics)
}

// documents is the store of identity documents that may name what the
// emulators are reached by.
func (l *Lab) documents(text string) func(files.Options) *files.Store {
	w := lab.World{Identity: text}
	text = w.Documents(append(l.emulators.values(), lab.Var{Key: "CA", Value: l.caFile()}))
	return func(o files.Options) *files.Store {
		return files.Memory(map[string][]byte{"identity": []byte(text)}, o)
	}
}

// brokerPorts is how many ports after the bootstrap port may be brokers'.
const brokerPorts = 100

func (l *Lab) gatewayParts() (p gatewayParts, err error) {
	o := l.options
	p = gatewayParts{
		cluster: l.world.Cluster.ID, host: "localhost", version: o.Version, log: o.Log, audit: auditlog.Config{},
		listen: func(port int, what string) ([]net.Listener, int, error) { return listenLoopback(port, what, takenPort) },
	}
	if o.Remember {
		p.heard = l.records.add
	}
	if p.tls, err = l.ca.ServerTLS(); err != nil {
		return p, err
	}
	if o.Ports.Kafka != 0 {
		first := int32(o.Ports.Kafka + 1)
		p.ports, err = advertise.NewPorts(p.host, map[string]advertise.Range{
			p.cluster: {Bootstrap: first - 1, First: first, Last: first + brokerPorts - 1},
		})
		if err != nil {
			return p, err
		}
	}
	if p.upstream, err = l.upstreamConfig(); err != nil {
		return p, err
	}
	var port int
	if p.ops, port, err = listenLoopback(o.Ports.Ops, "ops", takenPort); err != nil {
		return p, err
	}
	l.opsURL = fmt.Sprintf("http://127.0.0.1:%d", port)
	return p, nil
}

func (l *Lab) upstreamConfig() (upstream.Config, error) {
	u := upstream.Config{Name: l.world.Cluster.ID, Log: l.options.Log, Bootstrap: []string{l.options.Upstream}}
	if l.options.Upstream != "" {
		return u, nil
	}
	var err error
	l.engine, err = engine.Start(engine.Config{ClusterID: l.world.Cluster.ID, Brokers: l.world.Cluster.Brokers})
	if err != nil {
		return u, err
	}
	u.Bootstrap, u.Dial = l.engine.Bootstrap(), l.engine.Dial
	return u, nil
}

// Proof is what shows that the lab works.
func (l *Lab) Proof() lab.Proof {
	return lab.Proof{Env: l.Env, CA: l.ca.PEM(), Explain: func(_ context.Context, principal string) (string, error) {
		return l.gateway.explain(principal)
	}}
}

// Summary says what was started; details stand in further lines.
func (l *Lab) Summary() string {
	if l.gateway == nil {
		e := l.emulators
		return strings.TrimRight(fmt.Sprintf("emulators\nEntra ID           %s  %s\nOkta-shaped server %s  %s\nIMDS               %s  %s  %s",
			e.entraURL, e.entraHTTP, e.oktaURL, e.oktaHTTP, e.imdsURL, e.imdsTLS, e.imdsAlso), " ")
	}
	behind := fmt.Sprintf("an embedded Kafka with %d brokers", max(l.world.Cluster.Brokers, 1))
	if l.options.Upstream != "" {
		behind = "Kafka at " + l.options.Upstream
	}
	also := ""
	if l.emulators.imdsAlso != "" {
		also = ", IMDS at " + l.emulators.imdsAlso + " too"
	}
	return fmt.Sprintf("gateway at %s in front of %s; emulators of Entra ID, IMDS and Okta%s", l.gateway.Bootstrap, behind, also)
}

// Settings are ready to paste into clients.
func (l *Lab) Settings(heading func(string) string) string {
	return lab.Settings(l.Env, heading) + "\n" + l.emulators.platforms(heading, l.Env.Get("AZURE_CLIENT_ID"), l.options.ArcKeys != "")
}

// Hint says how to find out why a client was refused.
func (l *Lab) Hint() string {
	if l.gateway == nil {
		return ""
	}
	return fmt.Sprintf(" A refused client shows ref=…; why it was refused: klamm explain --ops %s REF", l.opsURL)
}

// Close ends everything and takes the lab's files away. It may be called on a
// lab that has started only in part.
func (l *Lab) Close() error {
	var errs []error
	if l.gateway != nil {
		errs = append(errs, l.gateway.close(context.Background()))
	}
	if l.engine != nil {
		l.engine.Close()
	}
	if l.ring != nil {
		l.ring.Close()
	}
	if l.emulators != nil {
		l.emulators.close()
	}
	if l.folder != "" {
		errs = append(errs, os.RemoveAll(l.folder))
	}
	return errors.Join(errs...)
}
