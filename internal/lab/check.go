package lab

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/klammhq/klamm/internal/config"
)

// What names look like.
var (
	clusterID = regexp.MustCompile(`^lkc-[a-z0-9][a-z0-9-]*$`)
	topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	oidcName  = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	uuid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// Limits of a cluster on one machine.
const (
	maxBrokers    = 50
	maxPartitions = 1000
)

// checker finds what decoding cannot: what the emulators and the environment
// file would choke on. Faults have the place of the value they are about.
type checker struct {
	*World
	doc      *config.Document
	problems config.Errors
}

func check(w *World, doc *config.Document) error {
	c := &checker{World: w, doc: doc}
	if w.Version != 1 {
		c.fail(&w.Version, "version %d is not known, this is version 1", w.Version)
	}
	c.cluster()
	c.entra()
	c.okta()
	c.oidc()
	c.defaults()
	return c.problems.Err()
}

func (c *checker) fail(at any, format string, args ...any) {
	c.problems.Add(c.doc.Errorf(at, format, args...))
}

// text wants one line that holds something: a line break would end a variable
// of the environment file.
func (c *checker) text(s *string) bool {
	if *s == "" || strings.ContainsFunc(*s, unicode.IsControl) {
		c.fail(s, "this is empty or has control characters, expected one line of text")
		return false
	}
	return true
}

// word is a text without blanks.
func (c *checker) word(s *string) bool {
	if *s != "" && strings.ContainsFunc(*s, unicode.IsSpace) {
		c.fail(s, "%q has blanks, expected one word", *s)
		return false
	}
	return c.text(s)
}

// unique remembers where a value was seen; what says what it is.
func (c *checker) unique(seen map[string]string, value string, s *string, what string) {
	if at, taken := seen[value]; taken {
		c.fail(s, "the %s %q is taken, see %s", what, value, at)
		return
	}
	seen[value] = c.doc.Where(s)
}

func (c *checker) cluster() {
	cluster := &c.Cluster
	if !clusterID.MatchString(cluster.ID) {
		c.fail(&cluster.ID, "%.64q is no logical cluster id, expected lkc- and lower-case letters, digits or hyphens", cluster.ID)
	}
	if cluster.Brokers < 0 || cluster.Brokers > maxBrokers {
		c.fail(&cluster.Brokers, "%d brokers, expected 1 to %d", cluster.Brokers, maxBrokers)
	}
	for _, name := range slices.Sorted(maps.Keys(cluster.Topics)) {
		if !topicName.MatchString(name) || name == "." || name == ".." {
			c.fail(&cluster.Topics, "%.64q is no topic name, expected letters, digits, dots, hyphens or underscores", name)
		}
		if n := cluster.Topics[name].Partitions; n < 0 || n > maxPartitions {
			c.fail(&cluster.Topics, "topic %.64q has %d partitions, expected 1 to %d", name, n, maxPartitions)
		}
	}
}

func (c *checker) okta() {
	o := &c.Okta
	if c.text(&o.Server) && strings.ContainsAny(o.Server, "/?#% ") {
		c.fail(&o.Server, "the server is %q, expected one part of a path such as default", o.Server)
	}
	c.text(&o.Audience)
	if len(o.Scopes) == 0 {
		c.fail(&o.Scopes, "there is no scope, expected one at least: clients must ask for one")
	}
	for i := range o.Scopes {
		c.word(&o.Scopes[i])
	}
	if len(o.Clients) == 0 {
		c.fail(&o.Clients, "there is no client, expected one at least")
	}
	taken := map[string]string{}
	for i := range o.Clients {
		client := &o.Clients[i]
		if c.word(&client.ClientID) && strings.ContainsAny(client.ClientID, ":+%") {
			c.fail(&client.ClientID, "the client id %q has a colon, plus or percent, which Basic authentication reads otherwise", client.ClientID)
		}
		c.unique(taken, client.ClientID, &client.ClientID, "client id")
		c.text(&client.Secret)
	}
}

// oidc checks the names only, which make those of ${…} in identity documents;
// the emulator knows what fits a shape.
func (c *checker) oidc() {
	taken := map[string]string{"entra": "entra", "okta": "okta"}
	for i := range c.OIDC {
		name := &c.OIDC[i].Name
		if !oidcName.MatchString(*name) {
			c.fail(name, "%.64q is no name of a server, expected lower-case letters and digits", *name)
			continue
		}
		c.unique(taken, *name, name, "name")
	}
}

func (c *checker) defaults() {
	d := &c.Defaults
	for _, s := range []*string{&d.Group, &d.Pool, &d.OAuthPool, &d.OktaPool} {
		c.text(s)
	}
	for _, topic := range []*string{&d.Topic, &d.ForbiddenTopic} {
		if _, found := c.Cluster.Topics[*topic]; !found {
			c.fail(topic, "there is no topic %q under cluster.topics", *topic)
		}
	}
	if d.Topic == d.ForbiddenTopic {
		c.fail(&d.ForbiddenTopic, "%q is the allowed topic, expected one that the managed identity may not use", d.Topic)
	}
	for _, name := range []*string{&d.ResourceApplication, &d.OAuthApplication} {
		if c.Application(*name) == nil {
			c.fail(name, "there is no application named %q under entra.applications", *name)
		}
	}
	if c.ManagedIdentity() == nil {
		c.fail(&d.ManagedIdentity, "there is no identity named %q under entra.managed_identities, and the proof needs one", d.ManagedIdentity)
	}
	if c.OktaClient() == nil {
		c.fail(&d.OktaClient, "there is no client %q under okta.clients", d.OktaClient)
	}
	if a := c.Application(d.OAuthApplication); a != nil && len(a.Secrets) == 0 {
		c.fail(&d.OAuthApplication, "application %q has no secret, and clients in the environment file need one", a.Name)
	}
	if a := c.Application(d.ResourceApplication); a != nil && len(a.AppIDURIs) == 0 {
		c.fail(&d.ResourceApplication, "application %q has no App ID URI, and tokens are asked for by one", a.Name)
	}
}
