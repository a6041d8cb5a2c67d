// Package testkit holds what the tests of several packages need. No program
// imports it.
package testkit

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated pages of docs anew")

// KeepPage wants a page of docs to be what is generated. command is the one that
// writes it anew, with -update.
func KeepPage(t testing.TB, path, command, page string) {
	t.Helper()
	want := "<!-- Made by: " + command + " -update -->\n\n" + page
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: %s -update\n%s", path, command, firstDifference(string(got), want))
	}
}

func firstDifference(got, want string) string {
	was, is := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return "first in line " + strconv.Itoa(i+1) + ":\n- " + was[i] + "\n+ " + is[i]
		}
	}
	return "in its length"
}
