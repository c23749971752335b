package tftest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// AWS plays an instance's metadata service and STS. It keeps what was asked of STS, and gives each session an id of its own:
// ASIA, the role's name and a number.
type AWS struct {
	URL string // of both

	mu       sync.Mutex
	lifetime time.Duration
	refused  string // a code of STS; empty: nobody is
	asked    []url.Values
	signed   []string // the headers that say who asks
}

// NewAWS starts it; sessions last as long as lifetime says.
func NewAWS(t testing.TB, lifetime time.Duration) *AWS {
	t.Helper()
	a := &AWS{lifetime: lifetime}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// Getenv is the environment of an agent on that instance.
func (a *AWS) Getenv(name string) string {
	switch name {
	case "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_STS":
		return a.URL
	}
	return ""
}

// Refuse makes STS refuse everybody with a code.
func (a *AWS) Refuse(code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = code
}

// Asked is what was asked of STS so far, and by whom.
func (a *AWS) Asked() ([]url.Values, []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]url.Values(nil), a.asked...), append([]string(nil), a.signed...)
}

func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const roles = "/latest/meta-data/iam/security-credentials/"
	switch token := r.Header.Get("X-aws-ec2-metadata-token"); {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "":
		_, _ = fmt.Fprint(w, "metadata-token")
	case r.Method == http.MethodPost && r.URL.Path == "/":
		a.assume(w, r)
	case token != "metadata-token":
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case r.URL.Path == roles:
		_, _ = fmt.Fprint(w, "the-instance")
	case r.URL.Path == roles+"the-instance":
		_, _ = fmt.Fprintf(w, `{"Code": "Success", "AccessKeyId": "ASIAINSTANCE", "SecretAccessKey": "s", "Token": "instance-session", "Expiration": %q}`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case r.URL.Path == "/latest/meta-data/placement/region":
		_, _ = fmt.Fprint(w, "eu-west-3")
	default:
		http.NotFound(w, r)
	}
}

func (a *AWS) assume(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.asked = append(a.asked, r.PostForm)
	a.signed = append(a.signed, strings.Join([]string{r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")}, " "))
	if a.refused != "" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>not authorized</Message></Error></ErrorResponse>", a.refused)
		return
	}
	_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA-%s-%d</AccessKeyId><SecretAccessKey>key</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`, path.Base(r.PostForm.Get("RoleArn")), len(a.asked), time.Now().Add(a.lifetime).UTC().Format(time.RFC3339))
}
