// Command claims prints the claims of the access token in a token endpoint's
// answer, which it reads from standard input. It verifies nothing.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

func main() {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&answer); err != nil {
		fail("standard input is no JSON: %v", err)
	}
	parts := strings.Split(answer.AccessToken, ".")
	if len(parts) != 3 {
		fail("the answer has no access_token that is a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		fail("the token's payload is not base64url")
	}
	var claims bytes.Buffer
	if err := json.Indent(&claims, payload, "", "  "); err != nil {
		fail("the token's payload is no JSON")
	}
	fmt.Println(claims.String())
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "claims: "+format+"\n", args...)
	os.Exit(1)
}
