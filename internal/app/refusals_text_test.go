package app

// The words of the page of refusals that are not made of a table.
const (
	refusalsHead = `# Ways to be refused

A refused client reads a sentence that tells a stranger nothing, and a reference: ` + "`(ref=5f0c9d3e8a6b4c1f9e2d7a5b3c8f1e60)`" + `.

1. Beside the gateway, ` + "`klamm explain 5f0c9d3e8a6b4c1f9e2d7a5b3c8f1e60`" + ` shows what was looked at. The step with ✗ says what it saw, what it
   wanted, and how to mend it; the last line has the code: ` + "`refused as audience`" + `. The audit event has it in ` + "`result.message`" + `.
2. The code is a heading [below](#each-code): what it means, the general mend, a whole answer of explain, and other ways to the same code.
3. A client that read no reference was cut, or never came so far: ` + "`klamm explain --principal P --last`" + ` takes a principal, the value of the
   identity claim, a client id or, for logins, the client's address; what is not audited at all is [below](#without-a-reference).

What a mend speaks of:

- IdentityProvider, IdentityPool and RoleBinding are documents in the folder that ` + "`identity`" + ` of [klamm.yaml](serve.md) names. A changed file
  comes into force at once; ` + "`klamm check -c klamm.yaml`" + ` says what is wrong with it, and the log when it was not taken.
- Extensions are settings of the client: ` + "`sasl.oauthbearer.extensions=logicalCluster=LKC,identityPoolId=POOL`" + ` in librdkafka,
  ` + "`extension_logicalCluster=\"LKC\" extension_identityPoolId=\"POOL\"`" + ` in Java's ` + "`sasl.jaas.config`" + `.
- The resource is the application of Entra's that stands for Kafka. Its manifest decides the version of the tokens for it.

The ones that happen most:

| what happened | where to read |
|---|---|
| a v1 token of Entra where a v2 token is expected, and a managed identity's token that is cached for up to 24 h after the manifest was changed | [unknown-issuer](#unknown-issuer) |
| ` + "`.default`" + ` used as a resource | at Entra AADSTS50001 and AADSTS500011, [without a token](#without-a-token); of other providers [audience](#audience) |
| the audience as a GUID where a URI is listed, or the reverse | [audience](#audience) |
| a token for Microsoft Graph or Azure's management | [unknown-issuer](#unknown-issuer), [audience](#audience) |
| quotes around a value | [wrong-logical-cluster](#wrong-logical-cluster), [unknown-pool](#unknown-pool), [audience](#audience), [sasl-message](#sasl-message), AADSTS500011, [without a token](#without-a-token) |
| the id of a secret in place of its value | AADSTS7000215, [without a token](#without-a-token) |
| a token of Entra without roles, or without groups since they are too many | [filter-error](#filter-error) |
| clocks that differ | [expired](#expired), [not-yet-valid](#not-yet-valid) |

`

	refusalsUnheard = `## Without a reference

But for the refusal after SaslHandshake 0, these ends are not audited, since nobody has shown who he is, or since nobody was refused. klamm's log
tells them, most of them with
` + "`--log-level debug`" + ` only: ` + "`connection ended`" + ` with a reason and a detail, and the client's address as ` + "`client`" + `.

| what happened | what the client sees | what klamm logs | mend |
|---|---|---|---|
`

	refusalsNoToken = `## Without a token

The identity provider refused the client, so that klamm never heard of it. The answer of Entra's token endpoint, or of IMDS, has a number.

| number | what happened | mend |
|---|---|---|
`
)
