package oidc

import "strings"

// kubernetesClaims are those of a token that a cluster projects into a pod's
// file. The pod and its node are made up, always the same for an account.
func kubernetesClaims(g grant) map[string]any {
	namespace, name, _ := strings.Cut(g.client.ID, "/")
	return map[string]any{
		"aud": g.audience,
		"exp": g.expires.Unix(),
		"iat": g.issued.Unix(),
		"iss": g.issuer,
		"jti": uuid(g.id),
		"kubernetes.io": map[string]any{
			"namespace":      namespace,
			"node":           map[string]any{"name": "node-1", "uid": uuid(g.server + " node-1")},
			"pod":            map[string]any{"name": name + "-0", "uid": uuid(g.server + " pod " + g.client.ID)},
			"serviceaccount": map[string]any{"name": name, "uid": uuid(g.server + " " + g.client.ID)},
		},
		"nbf": g.issued.Unix(),
		"sub": "system:serviceaccount:" + namespace + ":" + name,
	}
}

// kubernetesStatus is the body of errors of the API server
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
type kubernetesStatus struct {
	Kind     string         `json:"kind"`
	Version  string         `json:"apiVersion"`
	Metadata map[string]any `json:"metadata"`
	Status   string         `json:"status"`
	Message  string         `json:"message"`
	Reason   string         `json:"reason"`
	Details  map[string]any `json:"details"`
	Code     int            `json:"code"`
}

func newKubernetesStatus(r refusal) any {
	return kubernetesStatus{"Status", "v1", map[string]any{}, "Failure", r.text, r.code, map[string]any{}, r.status}
}

// kubernetesRefusals are all that can be: nobody asks the issuer for a token.
var kubernetesRefusals = map[reason]refusal{
	noPath:    {404, "NotFound", "the server could not find the requested resource", true},
	badMethod: {405, "MethodNotAllowed", "the server does not allow this method on the requested resource", true},
}
