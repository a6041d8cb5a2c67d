package oidc

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	issuedPath = "/_lab/issued"
	// maxIssued bounds the list; the oldest go first.
	maxIssued = 1000
)

// Issued tells of a token that was issued, without the token.
type Issued struct {
	ID       string    `json:"jti"`
	Issuer   string    `json:"iss"`
	Audience []string  `json:"aud,omitempty"`
	Subject  string    `json:"sub"`
	Client   string    `json:"client_id"`
	Scopes   []string  `json:"scopes"`
	Kid      string    `json:"kid"`
	IssuedAt time.Time `json:"issued_at"`
	Expires  time.Time `json:"expires"`
}

// issuedLog is the list of the last tokens. The zero list is empty.
type issuedLog struct {
	mu   sync.Mutex
	list []Issued
}

func (l *issuedLog) add(i Issued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= maxIssued {
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.list = append(l.list, i)
}

func (l *issuedLog) all() []Issued {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Issued{}, l.list...)
}

// Issued lists the last tokens, the oldest first.
func (p *Provider) Issued() []Issued { return p.issued.all() }

func (p *Provider) issuedEndpoint(*http.Request) answer {
	return issuedAnswer(p.Issued())
}

func issuedAnswer(list []Issued) answer {
	return answer{status: http.StatusOK, body: map[string]any{"issued": list}}
}

func issuedOf(claims map[string]any, client string, scopes []string, now time.Time, life time.Duration, kid string) Issued {
	text := func(name string) string { s, _ := claims[name].(string); return s }
	audience, list := claims["aud"].([]string)
	if one := text("aud"); !list && one != "" {
		audience = []string{one}
	}
	return Issued{
		ID: text("jti"), Issuer: text("iss"), Audience: audience, Subject: text("sub"),
		Client: client, Scopes: scopes, Kid: kid, IssuedAt: now, Expires: now.Add(life),
	}
}
