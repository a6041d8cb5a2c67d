package app

import (
	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/httpd"
)

// What the administrator's calls of the lab's emulators answer.
type (
	EntraAnswer = entra.Answer
	EntraApp    = entra.App
	IMDSAnswer  = imds.Answer
	OIDCAnswer  = oidc.Answer
	OIDCServer  = oidc.Server
	AdminError  = httpd.AdminError
)

// Where they are, on each of the emulator's listeners.
const (
	EntraPath = entra.AdminPath
	IMDSPath  = imds.AdminPath
	OIDCPath  = oidc.AdminPath
)
