package api

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// randomAnswer is a response with random contents.
func randomAnswer(rng *rand.Rand, key, version int16) []byte {
	resp := kmsg.ResponseForKey(key)
	fill(rng, reflect.ValueOf(resp).Elem())
	resp.SetVersion(version)
	return resp.AppendTo(nil)
}

// TestAnswers fills each response at random, in each version, and wants
// ReadAnswer to accept exactly what kmsg writes, and no byte more or less.
func TestAnswers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for key := range answers {
		for version := range kmsg.ResponseForKey(key).MaxVersion() + 1 {
			for range 50 {
				body := randomAnswer(rng, key, version)
				again, err := ReadAnswer(key, version, body)
				if err != nil {
					t.Fatalf("%s version %d: %v", kmsg.Key(key).Name(), version, err)
				}
				if got := again.AppendTo(nil); string(got) != string(body) {
					t.Fatalf("%s version %d: decoded and written again it differs", kmsg.Key(key).Name(), version)
				}
				if _, err := ReadAnswer(key, version, append(body, 0)); err == nil {
					t.Fatalf("%s version %d: a byte after the end is accepted", kmsg.Key(key).Name(), version)
				}
				if _, err := ReadAnswer(key, version, body[:rng.IntN(len(body))]); err == nil {
					t.Fatalf("%s version %d: a cut answer is accepted", kmsg.Key(key).Name(), version)
				}
			}
		}
	}
}

func TestAnswersUnknown(t *testing.T) {
	for _, c := range [][2]int16{{-1, 0}, {999, 0}, {4, 0}, {3, -1}, {3, 99}} {
		if _, err := ReadAnswer(c[0], c[1], nil); err == nil {
			t.Errorf("API key %d version %d is decoded", c[0], c[1])
		}
	}
}

// FuzzReadAnswer wants kmsg to read what passes the check: where the two
// differ, the check does not see what kmsg sees.
func FuzzReadAnswer(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for key := range answers {
		for version := range kmsg.ResponseForKey(key).MaxVersion() + 1 {
			f.Add(key, version, randomAnswer(rng, key, version))
		}
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		s := answers[key]
		if s == nil || version < 0 || version > kmsg.ResponseForKey(key).MaxVersion() || s.check(version, &reader{b: body}, "answer") != nil {
			return
		}
		if _, err := ReadAnswer(key, version, body); err != nil {
			t.Errorf("%s version %d passes the check: %v", s.name, version, err)
		}
	})
}
