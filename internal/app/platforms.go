package app

import (
	"fmt"
	"strings"

	"github.com/klammhq/klamm/internal/emulator/imds"
)

// platforms are settings for Azure's SDKs as on platforms other than a virtual
// machine. They are no part of the environment file: an SDK that sees
// IDENTITY_ENDPOINT never asks IMDS.
func (e *emulators) platforms(heading func(string) string, clientID string, arc bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  IDENTITY_ENDPOINT=%s\n  IDENTITY_HEADER=%s\n  AZURE_CLIENT_ID=%s\n",
		heading("Azure's SDKs (azidentity, azure-identity): a managed identity, as in an App Service"), e.imdsURL+imds.AppServicePath, e.appService.Reveal(), clientID)
	if arc {
		fmt.Fprintf(&b, "\n%s\n  IDENTITY_ENDPOINT=%s\n  IMDS_ENDPOINT=%s\n",
			heading("Azure's SDKs: a managed identity, as on a machine that Azure Arc manages"), e.imdsURL+imds.ArcPath, e.imdsURL)
	}
	return b.String()
}
