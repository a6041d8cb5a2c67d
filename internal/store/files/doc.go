// Package files is the iam.Store that people keep in a folder of YAML
// documents: read-only, validated as a whole, and followed while it changes.
//
// It never writes, compiles no filter and knows no role: a snapshot tells where
// each object and each setting stands, so that whoever does can point there. A
// change that is not valid as a whole changes nothing.
package files
