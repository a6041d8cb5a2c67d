package main

import (
	"context"
	"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// azidentityRoundtrip is a roundtrip with tokens of Azure's SDK, which finds its
// way by environment variables alone; AZURE_TOKEN_CREDENTIALS names the one
// credential that it may be. What is said to it here: not to ask Microsoft
// whether the authority is one of theirs.
func azidentityRoundtrip(ctx context.Context) error {
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{DisableInstanceDiscovery: true})
	if err != nil {
		return fmt.Errorf("azidentity: %w", err)
	}
	scopes := policy.TokenRequestOptions{Scopes: []string{os.Getenv("KAFKA_SCOPE")}}
	err = roundtrip(ctx, func(ctx context.Context) (string, error) {
		got, err := credential.GetToken(ctx, scopes)
		return got.Token, err
	})
	if err == nil {
		figure("azidentity %s", os.Getenv("AZURE_TOKEN_CREDENTIALS"))
	}
	return err
}
