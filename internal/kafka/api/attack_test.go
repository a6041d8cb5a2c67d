package api

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
)

// TestMisspelledRequests spells every length, count, name, presence and tag of
// every request in every version in every wrong way, cuts the request at every
// byte, and puts one after its end. All must be seen before kmsg reads it.
func TestMisspelledRequests(t *testing.T) {
	check := func(key, version int16, body []byte) error {
		_, err := check(key, version, body)
		return err
	}
	misspellAll(t, requestShapes(), nil, check, func(key, version int16, body []byte) error {
		_, err := Decode(key, version, body)
		return err
	})
}

// TestMisspelledAnswers is the same for what a broker answers.
func TestMisspelledAnswers(t *testing.T) {
	check := func(key, version int16, body []byte) error {
		return answers[key].check(version, &reader{b: body}, "answer")
	}
	misspellAll(t, answers, harmlessInAnswers, check, func(key, version int16, body []byte) error {
		_, err := ReadAnswer(key, version, body)
		return err
	})
}

// harmlessInAnswers are misspellings that nobody decides about.
var harmlessInAnswers = map[string]bool{notUTF8: true, surrogate: true, overlong: true}

type reading func(key, version int16, body []byte) error

func misspellAll(t *testing.T, of map[int16]*shape, harmless map[string]bool, check, whole reading) {
	tried := 0
	used := map[string]bool{}
	everyShape(of, func(name string, s *shape, key, version int16) {
		good, _, _ := spell(s, version, -1, nil)
		if err := whole(key, version, good); err != nil {
			t.Fatalf("%s: what is spelled well is refused: %v\n%x", name, err, good)
		}
		refused := func(what string, body []byte) {
			tried++
			if err := check(key, version, body); fault.KindOf(err) != fault.Malformed {
				t.Errorf("%s: %s is not seen by the check: %v\n%x", name, what, err, body)
			}
		}
		for n := range len(good) {
			refused("a cut", good[:n])
		}
		refused("a byte after the end", append(bytes.Clone(good), 0))
		for what, wrong := range misspelled {
			if harmless[what] {
				continue
			}
			spellAll(s, version, wrong, func(body []byte) {
				used[what] = true
				refused(what, body)
			})
		}
	})
	for what := range misspelled {
		if !used[what] && !harmless[what] {
			t.Errorf("%s: tried nowhere", what)
		}
	}
	t.Logf("%d attacks", tried)
}

// TestCountlessCostNothing: a count is believed only as far as there are bytes.
func TestCountlessCostNothing(t *testing.T) {
	const most = 64 << 10
	for _, what := range []string{"2^31-1 of them", "2^31-2 of them", "2^32-2 of them", "more tags said", "a tag of 2^32-1"} {
		everyShape(requestShapes(), func(name string, s *shape, key, version int16) {
			spellAll(s, version, misspelled[what], func(body []byte) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, _ = Decode(key, version, body)
				runtime.ReadMemStats(&after)
				if used := after.TotalAlloc - before.TotalAlloc; used > most {
					t.Errorf("%s: %s took %d bytes", name, what, used)
				}
			})
		})
	}
}

// TestVersionsOutside asks for versions that are not there.
func TestVersionsOutside(t *testing.T) {
	last := map[int16]int16{}
	everyShape(requestShapes(), func(_ string, _ *shape, key, version int16) { last[key] = version })
	for key, version := range last {
		for _, v := range []int16{-1, -1 << 15, version + 1, 1<<15 - 1} {
			if _, err := Decode(key, v, nil); fault.KindOf(err) != fault.Unsupported {
				t.Errorf("a request of key %d, version %d: %v", key, v, err)
			}
			if _, err := ReadAnswer(key, v, nil); fault.KindOf(err) != fault.Unsupported {
				t.Errorf("an answer of key %d, version %d: %v", key, v, err)
			}
		}
	}
}
