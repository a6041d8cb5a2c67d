package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxAnswer is the largest answer of a token endpoint that is read, in bytes.
const maxAnswer = 256 << 10

// retryWaits are the pauses between tries of a token request.
var retryWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

// exchange sends the request that build makes until it is answered with a
// token, with pauses while the answer says that a later try may succeed.
func exchange(ctx context.Context, client *http.Client, build func(context.Context) (*http.Request, error)) (Token, error) {
	for try := 0; ; try++ {
		req, err := build(ctx)
		if err != nil {
			return Token{}, err
		}
		t, again, err := once(client, req)
		if err == nil || !again || try == len(retryWaits) {
			return t, err
		}
		timer := time.NewTimer(retryWaits[try])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Token{}, err
		}
	}
}

// retried are the statuses after which a later try may succeed: besides the
// usual ones 404 and 410, with which the instance metadata service says that
// it is being updated.
var retried = map[int]bool{404: true, 408: true, 410: true, 425: true, 429: true, 500: true, 502: true, 503: true, 504: true}

func once(client *http.Client, req *http.Request) (_ Token, again bool, _ error) {
	place := req.URL.Scheme + "://" + req.URL.Host + req.URL.Path
	resp, err := client.Do(req)
	if err != nil {
		// The url.Error would repeat the whole URL with its query.
		return Token{}, true, fmt.Errorf("%s cannot be reached: %w", place, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Token{}, true, fmt.Errorf("%s: reading the answer: %w", place, err)
	}
	if resp.StatusCode != http.StatusOK {
		return Token{}, retried[resp.StatusCode], fmt.Errorf("%s answered %s%s", place, resp.Status, oauthError(body))
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return Token{}, false, fmt.Errorf(`%s answered 200 without a JSON member "access_token"`, place)
	}
	t, err := New(answer.AccessToken, time.Now())
	if err != nil {
		return Token{}, false, fmt.Errorf("%s: %w", place, err)
	}
	return t, false, nil
}

// oauthError renders the members error and error_description of RFC 6749,
// section 5.2, cut to a readable length.
func oauthError(body []byte) string {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) != nil || e.Error == "" {
		return ""
	}
	text := ": " + e.Error
	if e.Description != "" {
		text += ": " + e.Description
	}
	if len(text) > 1000 {
		text = strings.ToValidUTF8(text[:1000], "") + "…"
	}
	return text
}

// noRedirect makes a client that follows no redirect: a token request must
// not carry its secret to another place.
func noRedirect(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
