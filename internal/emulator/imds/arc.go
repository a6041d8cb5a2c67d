package imds

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/klammhq/klamm/internal/fault"
)

// ArcPath is where programs on a machine that Azure Arc manages find their
// tokens: IDENTITY_ENDPOINT is its URL, IMDS_ENDPOINT the listener's. The real
// agent has it at [Path], on a port of its own.
//
// Source: Microsoft's page "Authenticate against Azure resources with Azure
// Arc-enabled servers".
const ArcPath = "/arc" + Path

// arcDoor lets in who can read a file that only programs of the machine can.
func arcDoor(keys *challenges) door {
	return door{
		versions:  []string{"2020-06-01", "2019-11-01"},
		selectors: []selector{{"client_id", clientID}, {"object_id", objectID}, {"msi_res_id", resourceID}},
		admit: func(r *http.Request) (answer, bool) {
			if refusal, ok := checkHeaders(r); !ok {
				return refusal, false
			}
			if keys.redeem(r.Header.Values("Authorization")) {
				return answer{}, true
			}
			file, err := keys.challenge()
			if err != nil {
				return broken, false
			}
			return answer{status: http.StatusUnauthorized, challenge: "Basic realm=" + file}, false
		},
		words: arcWords,
	}
}

// arcSuccess confirms by which id the identity was named: without it clients
// take the answer for that of an old agent, which ignored the name.
type arcSuccess struct {
	success
	ObjectID   string `json:"object_id,omitempty"`
	ResourceID string `json:"msi_res_id,omitempty"`
}

func arcWords(a answer, q query) answer {
	granted, ok := a.body.(success)
	if !ok {
		return a
	}
	body := arcSuccess{success: granted}
	switch q.parameter {
	case "object_id":
		body.ObjectID = q.wanted
	case "msi_res_id":
		body.ResourceID = q.wanted
	}
	a.body = body
	return a
}

// maxChallenges bounds the files: a client that never comes back leaves one.
const maxChallenges = 16

// challenges are the files that were named to clients and not used yet, the
// oldest first.
type challenges struct {
	folder string
	mu     sync.Mutex
	open   []challenge
}

type challenge struct{ file, content string }

func newChallenges(folder string) (*challenges, error) {
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() || !filepath.IsAbs(folder) || strings.ContainsAny(folder, "\r\n") {
		return nil, fault.New(fault.Invalid, "the folder of Azure Arc's key files is not there, expected the absolute path of a folder").At(folder).Because(err)
	}
	return &challenges{folder: folder}, nil
}

// challenge writes a new file, which nobody but this user can read.
func (c *challenges) challenge() (file string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) == maxChallenges {
		c.end(0)
	}
	made := challenge{filepath.Join(c.folder, uuid()+".key"), rand.Text()}
	out, err := os.OpenFile(made.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = out.WriteString(made.content)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(made.file)
		return "", err
	}
	c.open = append(c.open, made)
	return made.file, nil
}

// redeem reports whether the Authorization headers prove that a file was read.
// Each file proves it once.
func (c *challenges) redeem(headers []string) bool {
	if len(headers) != 1 {
		return false
	}
	scheme, content, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, open := range c.open {
		if same(content, open.content) {
			c.end(i)
			return true
		}
	}
	return false
}

func (c *challenges) end(i int) {
	_ = os.Remove(c.open[i].file) // somebody else may have taken it away
	c.open = slices.Delete(c.open, i, i+1)
}
