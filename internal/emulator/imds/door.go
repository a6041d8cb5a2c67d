package imds

import "net/http"

// door is one way in which a platform hands out tokens. All doors lead to the
// same identities and the same kept tokens; they differ in who is let in, in
// what the parameters are called, and in the words of the answer.
type door struct {
	server    string   // header Server; "" for none
	versions  []string // that it knows, the newest first
	selectors []selector
	throttle  *throttle // nil: none
	admit     func(*http.Request) (answer, bool)
	// words turns an answer in the words of IMDS into the door's own; nil keeps
	// it. The query is the zero one when it was not understood.
	words func(answer, query) answer
}

// selector is a parameter that names an identity, and what it names it by.
type selector struct {
	parameter string
	of        func(Identity) string
}

func clientID(i Identity) string   { return i.ClientID }
func objectID(i Identity) string   { return i.ObjectID }
func resourceID(i Identity) string { return i.ResourceID }

// doors are those that c opens, by their paths.
func (c Config) doors() (map[string]door, error) {
	out := map[string]door{Path: metadataDoor(!c.Unthrottled)}
	if !c.AppService.IsZero() {
		out[AppServicePath] = appServiceDoor(c.AppService)
	}
	if c.ArcKeys != "" {
		keys, err := newChallenges(c.ArcKeys)
		if err != nil {
			return nil, err
		}
		out[ArcPath] = arcDoor(keys)
	}
	return out, nil
}

// metadataDoor is the metadata service of a virtual machine.
func metadataDoor(throttled bool) door {
	d := door{
		server: server, versions: versions, admit: checkHeaders,
		selectors: []selector{{"client_id", clientID}, {"object_id", objectID}, {"msi_res_id", resourceID}},
	}
	if throttled {
		d.throttle = &throttle{}
	}
	return d
}

// answer says what a request gets.
func (s *IMDS) answer(d door, r *http.Request) (answer, query) {
	if r.Method != http.MethodGet {
		return notAllowed, query{}
	}
	if d.throttle != nil {
		if !d.throttle.enter(s.now()) {
			return tooMany, query{}
		}
		defer d.throttle.leave()
	}
	if refusal, ok := d.admit(r); !ok {
		return refusal, query{}
	}
	q, refusal, ok := d.parseQuery(r.URL.RawQuery)
	if !ok {
		return refusal, query{}
	}
	identity, refusal, ok := q.choose(s.issuer.Identities())
	if !ok {
		return refusal, q
	}
	grant, err := s.grant(identity, q)
	if err != nil {
		return refusedBy(err, s.now()), q
	}
	return granted(identity, q.resource, grant, s.now()), q
}
