package oidc

// reason is why a request is refused, the same for all shapes.
type reason int

const (
	noPath reason = iota
	badMethod
	notForm // by its Content-Type
	badForm
	repeated
	noGrantType
	otherGrantType
	noCredentials
	twoCredentials
	badCredentials
	unknownClient
	disabledClient
	wrongSecret
	wrongMethod // of sending the secret
	noScope
	unknownScope
)

// refusal is how a vendor words a reason.
type refusal struct {
	status int
	code   string
	text   string
	own    bool // in the vendor's own error shape, see shape.ownError, instead of RFC 6749's
}

// oauthError is the body of RFC 6749 section 5.2.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// oktaError is the body that Okta's endpoints share, which the token endpoint
// uses for what goes wrong before OAuth begins, an unknown client included.
type oktaError struct {
	Code    string   `json:"errorCode"`
	Summary string   `json:"errorSummary"`
	Link    string   `json:"errorLink"`
	ID      string   `json:"errorId"`
	Causes  []string `json:"errorCauses"`
}

func newOktaError(r refusal) any {
	return oktaError{r.code, r.text, r.code, "oae" + random(16), []string{}}
}

// oktaRefusals are Okta's words, as its support pages and users quote them.
var oktaRefusals = map[reason]refusal{
	noPath:         {404, "E0000007", "Not found: Resource not found", true},
	badMethod:      {405, "E0000022", "The endpoint does not support the provided HTTP method", true},
	notForm:        {415, "E0000021", "Bad request. Accept and/or Content-Type headers likely do not match supported values.", true},
	badForm:        {400, "invalid_request", "The request body cannot be read as a form.", false},
	repeated:       {400, "invalid_request", "A parameter of the request is there more than once.", false},
	noGrantType:    {400, "invalid_request", "The parameter 'grant_type' is required.", false},
	otherGrantType: {400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server. Supported grant types: [client_credentials].", false},
	noCredentials:  {401, "invalid_client", "No client credentials found.", false},
	twoCredentials: {401, "invalid_request", "Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization header, credentials in the post body, or a client_assertion in the post body.", false},
	badCredentials: {401, "invalid_client", "Client authentication failed. Either the client or the client credentials are invalid.", false},
	unknownClient:  {401, "invalid_client", "Invalid value for 'client_id' parameter.", true},
	disabledClient: {401, "invalid_client", "Client authentication failed. Either the client or the client credentials are invalid.", false},
	wrongSecret:    {401, "invalid_client", "The client secret supplied for a confidential client is invalid.", false},
	wrongMethod:    {401, "invalid_client", "Client authentication failed. Either the client or the client credentials are invalid.", false},
	noScope:        {400, "invalid_scope", "The authorization server resource does not have any configured default scopes, 'scope' must be provided.", false},
	unknownScope:   {400, "invalid_scope", "One or more scopes are not configured for the authorization server resource.", false},
}

// cloudentityRefusals have the codes of RFC 6749 section 5.2; statuses and
// sentences are ours, since we know of no page that gives Cloudentity's own.
var cloudentityRefusals = map[reason]refusal{
	noPath:         {404, "not_found", "There is nothing at this path.", false},
	badMethod:      {405, "method_not_allowed", "The endpoint is not for this method.", false},
	notForm:        {400, "invalid_request", "The request body is no form.", false},
	badForm:        {400, "invalid_request", "The request body cannot be read as a form.", false},
	repeated:       {400, "invalid_request", "A parameter of the request is there more than once.", false},
	noGrantType:    {400, "invalid_request", "The parameter grant_type is missing.", false},
	otherGrantType: {400, "unsupported_grant_type", "The grant type is not supported.", false},
	noCredentials:  {401, "invalid_client", "Client authentication failed.", false},
	twoCredentials: {400, "invalid_request", "The client used more than one way to authenticate.", false},
	badCredentials: {401, "invalid_client", "Client authentication failed.", false},
	unknownClient:  {401, "invalid_client", "Client authentication failed.", false},
	disabledClient: {401, "invalid_client", "Client authentication failed.", false},
	wrongSecret:    {401, "invalid_client", "Client authentication failed.", false},
	wrongMethod:    {401, "invalid_client", "Client authentication failed.", false},
	noScope:        {400, "invalid_scope", "A scope is missing.", false},
	unknownScope:   {400, "invalid_scope", "A scope is unknown or not allowed.", false},
}

// cognitoRefusals are codes without sentences, all 400, as Cognito documents them
// (https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html)
// and as users quote invalid_scope. What it says of other paths and methods we
// do not know.
var cognitoRefusals = map[reason]refusal{
	noPath:         {404, "not_found", "", false},
	badMethod:      {405, "method_not_allowed", "", false},
	notForm:        {400, "invalid_request", "", false},
	badForm:        {400, "invalid_request", "", false},
	repeated:       {400, "invalid_request", "", false},
	noGrantType:    {400, "invalid_request", "", false},
	otherGrantType: {400, "unsupported_grant_type", "", false},
	noCredentials:  {400, "invalid_client", "", false},
	twoCredentials: {400, "invalid_request", "", false},
	badCredentials: {400, "invalid_client", "", false},
	unknownClient:  {400, "invalid_client", "", false},
	disabledClient: {400, "invalid_client", "", false},
	wrongSecret:    {400, "invalid_client", "", false},
	wrongMethod:    {400, "invalid_client", "", false},
	noScope:        {400, "invalid_scope", "", false},
	unknownScope:   {400, "invalid_scope", "", false},
}

// keycloakRefusals are Keycloak's words, the same sentence for an unknown client,
// a disabled one, a wrong secret and one sent in a way that the client is not
// allowed; to a wrong HTTP method it says 404.
var keycloakRefusals = map[reason]refusal{
	noPath:         {404, "Unable to find matching target resource method", "", false},
	badMethod:      {404, "HTTP 404 Not Found", "", false},
	notForm:        {415, "HTTP 415 Unsupported Media Type", "", false},
	badForm:        {400, "invalid_request", "The request body cannot be read as a form", false},
	repeated:       {400, "invalid_request", "duplicated parameter", false},
	noGrantType:    {400, "invalid_request", "Missing form parameter: grant_type", false},
	otherGrantType: {400, "unsupported_grant_type", "Unsupported grant_type", false},
	noCredentials:  {401, "invalid_client", "Invalid client or Invalid client credentials", false},
	twoCredentials: {401, "invalid_client", "Invalid client or Invalid client credentials", false},
	badCredentials: {401, "invalid_client", "Invalid client or Invalid client credentials", false},
	unknownClient:  {401, "invalid_client", "Invalid client or Invalid client credentials", false},
	disabledClient: {401, "invalid_client", "Invalid client or Invalid client credentials", false},
	wrongSecret:    {401, "unauthorized_client", "Invalid client or Invalid client credentials", false},
	wrongMethod:    {401, "unauthorized_client", "Invalid client or Invalid client credentials", false},
	noScope:        {400, "invalid_scope", "Invalid scopes", false},
	unknownScope:   {400, "invalid_scope", "Invalid scopes", false},
}

// refuse words a reason; a test finds a shape that has no words for one.
func (s shape) refuse(why reason) answer {
	row := s.refusals[why]
	if !row.own {
		return answer{status: row.status, body: oauthError{row.code, row.text}}
	}
	return answer{status: row.status, body: s.ownError(row)}
}
