// Package config reads klamm.yaml, and offers the strict reader that every
// other YAML document of klamm goes through: unknown keys, wrong types, missing
// settings and duplicates are errors with file, line and column, and all of
// them are reported at once.
//
// It opens no listener, dials nothing and knows neither roles nor filters. It
// never repeats a value that might be a secret in an error.
package config
