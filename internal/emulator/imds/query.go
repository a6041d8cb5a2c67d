package imds

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// versions are those that the real service knows and that hand out tokens, the
// newest first.
var versions = []string{
	"2025-04-07", "2024-07-17", "2024-03-15", "2023-11-15", "2023-07-01",
	"2021-12-13", "2021-11-15", "2021-11-01", "2021-10-01", "2021-08-01", "2021-05-01", "2021-03-01", "2021-02-01", "2021-01-01",
	"2020-12-01", "2020-10-01", "2020-09-01", "2020-07-15", "2020-06-01",
	"2019-11-01", "2019-08-15", "2019-08-01", "2019-06-04", "2019-06-01", "2019-04-30", "2019-03-11", "2019-02-01",
	"2018-10-01", "2018-04-02", "2018-02-01",
}

// badVersion is the body for a version that is absent or unknown.
type badVersion struct {
	Error  string   `json:"error"`
	Newest []string `json:"newest-versions"`
}

func refuseVersion(known []string) answer {
	return answer{status: http.StatusBadRequest, body: badVersion{
		"Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds",
		known[:min(3, len(known))],
	}}
}

const identityNotFound = "Identity not found"

// query is a request for a token whose form is right.
type query struct {
	resource    string
	bypassCache bool
	parameter   string // which selector is there; "" for none
	wanted      string // its value
	selects     func(Identity) bool
}

// checkHeaders keeps out what was not meant for this machine: a browser or a
// forged URL cannot set Metadata, and a proxy adds X-Forwarded-For.
func checkHeaders(r *http.Request) (answer, bool) {
	if _, forwarded := r.Header["X-Forwarded-For"]; forwarded {
		return invalidRequest("Requests with the header X-Forwarded-For are refused"), false
	}
	// Microsoft's own samples write true and True.
	if values := r.Header.Values("Metadata"); len(values) != 1 || !strings.EqualFold(values[0], "true") {
		return answer{status: http.StatusBadRequest, body: failure{"bad_request_102", "Required metadata header not specified"}}, false
	}
	return answer{}, true
}

// parseQuery reads the raw query. Clients send the resource percent-encoded
// (azidentity) or as it is (librdkafka): both are the same resource.
func (d door) parseQuery(raw string) (query, answer, bool) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, invalidRequest("The query string cannot be read"), false
	}
	for name, all := range values {
		if len(all) > 1 {
			return query{}, invalidRequest("Duplicate query variable '" + name + "' in the request"), false
		}
	}
	if !slices.Contains(d.versions, values.Get("api-version")) {
		return query{}, refuseVersion(d.versions), false
	}
	q := query{resource: values.Get("resource"), bypassCache: strings.EqualFold(values.Get("bypass_cache"), "true")}
	if q.resource == "" {
		return query{}, invalidRequest("Required query variable 'resource' is missing"), false
	}
	for _, s := range d.selectors {
		if !values.Has(s.parameter) {
			continue
		}
		if q.parameter != "" {
			return query{}, invalidRequest("Only one of the query variables " + d.selectorNames() + " may be specified"), false
		}
		q.parameter, q.wanted = s.parameter, values.Get(s.parameter)
		wanted := q.wanted
		// An empty value names nobody, so that a variable that was not set does
		// not make a program somebody else.
		q.selects = func(i Identity) bool { return wanted != "" && strings.EqualFold(s.of(i), wanted) }
	}
	return q, answer{}, true
}

// selectorNames are those of the door for a sentence.
func (d door) selectorNames() string {
	var quoted []string
	for _, s := range d.selectors {
		quoted = append(quoted, "'"+s.parameter+"'")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}

// choose finds the identity that the query asks for, by name or by there being
// no doubt: the system-assigned one, else the only one.
func (q query) choose(all []Identity) (Identity, answer, bool) {
	if q.parameter == "" {
		q.selects = func(i Identity) bool { return i.System }
	}
	if found := slices.IndexFunc(all, q.selects); found >= 0 {
		return all[found], answer{}, true
	}
	switch {
	case q.parameter != "" || len(all) == 0:
		return Identity{}, invalidRequest(identityNotFound), false
	case len(all) > 1:
		return Identity{}, invalidRequest("Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"), false
	}
	return all[0], answer{}, true
}
