package imds_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	for _, c := range []struct {
		name        string
		life        time.Duration
		same, fresh time.Duration // after these the token is the same, another
	}{
		{"a day", 24 * time.Hour, 23*time.Hour + 54*time.Minute, 23*time.Hour + 55*time.Minute},
		{"an hour", time.Hour, 30*time.Minute - time.Second, 30 * time.Minute},
		{"ten seconds", 10 * time.Second, 4 * time.Second, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, false, system)
			m.life = c.life
			first := m.get(t, base+kafka)["access_token"]
			m.time = start.Add(c.same)
			if m.get(t, base+kafka)["access_token"] != first {
				t.Errorf("another token after %s", c.same)
			}
			m.time = start.Add(c.fresh)
			if m.get(t, base+kafka)["access_token"] == first {
				t.Errorf("the same token after %s", c.fresh)
			}
		})
	}
}

func TestCacheKeys(t *testing.T) {
	m := newMachine(t, false, system, orders)
	first := m.get(t, base+kafka)["access_token"]
	for _, c := range []struct {
		name, query string
		same        bool
	}{
		{"encoded colon", "&resource=pkc-abc%3A9092", true},
		{"another version", "&resource=pkc-abc:9092&x=1", true},
		{"the same identity by name", kafka + "&client_id=" + system.ClientID, true},
		{"another resource", "&resource=pkc-abc:9093", false},
		{"another identity", kafka + "&client_id=" + orders.ClientID, false},
	} {
		if got := m.get(t, base+c.query)["access_token"]; (got == first) != c.same {
			t.Errorf("%s: same token %v, want %v", c.name, got == first, c.same)
		}
	}
	bypassed := m.get(t, base+kafka+"&bypass_cache=true")["access_token"]
	if bypassed == first {
		t.Error("bypass_cache=true gave the kept token")
	}
	if m.get(t, base+kafka+"&bypass_cache=false")["access_token"] != bypassed {
		t.Error("the new token was not kept")
	}
}

func TestRefusalsAreNotKept(t *testing.T) {
	m := newMachine(t, false, system)
	wantRefusal(t, m.do(request(base+"&resource=api://unknown")), 400, "invalid_resource", "AADSTS500011")
	m.get(t, base+kafka)
	m.identities = nil
	wantRefusal(t, m.do(request(base+kafka)), 400, "invalid_request", "Identity not found")
}

func TestCacheIsBounded(t *testing.T) {
	m := newMachine(t, false, system)
	for n := range 1100 {
		m.get(t, fmt.Sprintf("%s&resource=r%d", base, n))
	}
	m.get(t, base+"&resource=r0")
	if m.made != 1101 {
		t.Errorf("%d tokens made, want 1101: the first was still kept", m.made)
	}
}

func TestRate(t *testing.T) {
	m := newMachine(t, true, system)
	for n := range 20 {
		if w := m.do(request(base + kafka)); w.Code != http.StatusOK {
			t.Fatalf("request %d: %d", n, w.Code)
		}
	}
	w := m.do(request(base + kafka))
	if w.Code != http.StatusTooManyRequests || w.Body.Len() != 0 {
		t.Errorf("the 21st: %d %q, want 429 and no body", w.Code, w.Body)
	}
	m.time = start.Add(-time.Hour) // set back: no credit
	if w := m.do(request(base + kafka)); w.Code != http.StatusTooManyRequests {
		t.Errorf("clock set back: %d", w.Code)
	}
	m.time = m.time.Add(50 * time.Millisecond)
	if w := m.do(request(base + kafka)); w.Code != http.StatusOK {
		t.Errorf("50 ms later: %d", w.Code)
	}
	free := newMachine(t, false, system)
	for range 100 {
		free.get(t, base+kafka)
	}
}

func TestConcurrent(t *testing.T) {
	m := newMachine(t, true, system)
	m.hold, m.entered = make(chan struct{}), make(chan struct{}, 5)
	server := httptest.NewServer(m)
	defer server.Close()
	codes := make(chan int, 6)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			r, err := http.NewRequest(http.MethodGet, server.URL+base+kafka, nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Metadata", "true")
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			codes <- resp.StatusCode
		})
	}
	// Five are inside and stay there; whichever comes sixth is refused at once.
	<-m.entered
	if got := <-codes; got != http.StatusTooManyRequests {
		t.Errorf("the sixth at a time: %d", got)
	}
	close(m.hold)
	group.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusOK {
			t.Errorf("one of five: %d", code)
		}
	}
	if m.made != 1 {
		t.Errorf("%d tokens for five at once, want 1", m.made)
	}
}
