package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/config"
)

// TestSecurity_23_NoCodeFromConfiguration: what elsewhere loads a class, a
// library or a program by its name is a key that nobody knows, wherever it
// stands, and the name never gets further than the error.
func TestSecurity_23_NoCodeFromConfiguration(t *testing.T) {
	good, err := os.ReadFile("testdata/klamm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder(t)
	places := map[string]string{"": "version: 1", "    ": "    address:", "      ": "      username:"}
	for _, key := range []string{"plugin", "plugins", "class", "jaas", "sasl.jaas.config", "callback_handler", "library", "exec", "command", "script", "include", "import"} {
		for indent, before := range places {
			at := strings.Index(string(good), before)
			if at < 0 {
				continue
			}
			text := string(good[:at]) + indent + key + ": /tmp/evil.so\n" + string(good[at:])
			if _, err := config.Read("klamm.yaml", []byte(text), config.Options{}); err == nil || !strings.Contains(err.Error(), "unknown key \""+key+`"`) {
				t.Errorf("%s%s: %v", indent, key, err)
			}
		}
	}
}
