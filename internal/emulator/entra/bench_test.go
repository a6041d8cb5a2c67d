package entra

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkToken is a token request without the network; nearly all of it is
// the RSA signature.
func BenchmarkToken(b *testing.B) {
	e, err := New(Config{Tenants: []Tenant{testTenant()}, Keys: testKeys()[:2], BaseURL: "https://localhost:1"})
	if err != nil {
		b.Fatal(err)
	}
	path, body := "/"+e.TenantID(0)+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default")
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, newRequest(b, http.MethodPost, path, body))
		if answer.Code != http.StatusOK {
			b.Fatal(answer.Body)
		}
	}
}
