package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/lab"
)

func TestBuiltInWorld(t *testing.T) {
	w, err := lab.LoadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	docs := w.Documents(lab.Env{{Key: "ENTRA_ISSUER", Value: "https://issuer.example/v2.0"}})
	if !strings.Contains(docs, "issuer: https://issuer.example/v2.0") || strings.Contains(docs, "${ENTRA_ISSUER}") {
		t.Error("the issuer was not put in")
	}
}

func TestEnvFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.env")
	remove, err := lab.Env{{Key: "A", Value: "1"}, {Key: "B", Value: "x y"}}.WriteFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "A=1\nB=x y\n" {
		t.Errorf("%q, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := (lab.Env{}).WriteFile(filepath.Join(t.TempDir(), "no", "such")); err == nil {
		t.Error("a file in no folder was written")
	}
}
