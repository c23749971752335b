package credentials

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/private"
)

// The agent takes on roles itself, so that what a plan runs needs no way to the instance's own credentials. Of AWS's SDK only
// what signs a request is used: the clients cost every process of this program two megabytes of memory.

// awsCredentialsFile holds the credentials of a phase while it runs, in the form that credential_process asks for.
const awsCredentialsFile = "aws.json"

const (
	awsDeadline = 10 * time.Second // of one request
	awsTries    = 4                // to take on a role, before a phase cannot begin
	awsPause    = 2 * time.Second  // before the second try, and doubled after
	awsRetry    = 30 * time.Second // between tries to renew
	maxAWS      = 1 << 20          // bytes of an answer
)

// sessionCredentials are temporary ones; the names are those of credential_process and of the metadata service.
type sessionCredentials struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// Lend takes the role on and puts its credentials where [AWS.Write] has said that they are, readable by the user, until end is
// called. They are renewed before they run out; late is called with each error of that, also with a panic's: it must not end an
// apply. An error of Lend means that there are no credentials, and is a [*diag.Error] where the role was not given.
func (a *AWS) Lend(ctx context.Context, dir string, user *asuser.User, late func(error)) (end func(), err error) {
	var c *sessionCredentials
	for try, wait := 1, awsPause; ; try, wait = try+1, 2*wait {
		if c, err = a.assume(ctx); err == nil {
			break
		}
		var refused *awsError
		if errors.As(err, &refused) && refused.final() || try == awsTries || rest(ctx, wait) != nil {
			return nil, a.failure(err)
		}
	}
	path := filepath.Join(dir, awsCredentialsFile)
	if err := putCredentials(path, c, user); err != nil {
		return nil, err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	contain.Go("renewing the credentials of AWS", func(p *contain.Panic) { late(p) }, func() {
		defer close(done)
		a.renew(renewing, path, c, user, late)
	})
	return func() {
		stop()
		<-done
		_ = os.Remove(path)
	}, nil
}

// renew takes the role on again when half of the time is over, so that whoever asks always gets credentials that last a while.
func (a *AWS) renew(ctx context.Context, path string, c *sessionCredentials, user *asuser.User, late func(error)) {
	wait := time.Until(c.Expiration) / 2
	for rest(ctx, wait) == nil {
		next, err := a.assume(ctx)
		if err == nil {
			err = putCredentials(path, next, user)
		}
		if ctx.Err() != nil {
			return
		}
		if wait = awsRetry; err == nil {
			wait = max(time.Until(next.Expiration)/2, time.Second)
		} else {
			late(err)
		}
	}
}

// rest waits, or returns the reason why it is over.
func rest(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// putCredentials puts them into place whole, and readable from the first moment on.
func putCredentials(path string, c *sessionCredentials, user *asuser.User) error {
	text, err := json.Marshal(c)
	if err == nil {
		if _, err = private.Replace(path+".new", text); err == nil {
			if err = user.Share(path + ".new"); err == nil {
				err = os.Rename(path+".new", path)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("writing the credentials of AWS: %w", err)
	}
	return nil
}

// failure is the error of a phase that cannot begin.
func (a *AWS) failure(err error) *diag.Error {
	e := &diag.Error{Op: "credentials", ExitCode: -1, Err: fmt.Errorf("taking on %s: %w", a.RoleARN, err), Transient: true,
		Hint: "sallyport takes roles on with the instance's credentials: has the instance a role, and does the metadata address answer sallyport's own user?"}
	var refused *awsError
	if errors.As(err, &refused) {
		e.Transient = !refused.final()
		e.Hint = "the instance's role must be allowed sts:AssumeRole, and the trust policy of the role must name it, with the same external_id"
	}
	return e
}

// assume takes the role on.
func (a *AWS) assume(ctx context.Context) (*sessionCredentials, error) {
	getenv := a.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	m := &metadata{base: strings.TrimRight(orDefault(getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "http://169.254.169.254"), "/")}
	defer m.close()
	own, region, err := m.identity(ctx, a.Region)
	if err != nil {
		return nil, err
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain += ".cn"
	}
	endpoint := orDefault(getenv("AWS_ENDPOINT_URL_STS"), "https://sts."+region+"."+domain)
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {a.RoleARN}, "RoleSessionName": {a.Session}}
	if !a.ExternalID.IsZero() {
		form.Set("ExternalId", a.ExternalID.Reveal())
	}
	return assumeRole(ctx, endpoint, region, own, form.Encode())
}

// orDefault is a text, or another one in the place of an empty one.
func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// assumeRole asks STS for a role, with the credentials of the instance.
func assumeRole(ctx context.Context, endpoint, region string, own *sessionCredentials, body string) (*sessionCredentials, error) {
	ctx, cancel := context.WithTimeout(ctx, awsDeadline)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(endpoint, "/")+"/", strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking STS: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	digest := sha256.Sum256([]byte(body))
	keys := aws.Credentials{AccessKeyID: own.AccessKeyID, SecretAccessKey: own.SecretAccessKey, SessionToken: own.SessionToken}
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(digest[:]), "sts", region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing a request to STS: %w", err)
	}
	text, status, err := ask(http.DefaultClient, r)
	if err != nil {
		return nil, fmt.Errorf("asking STS: %w", err)
	}
	var answer struct {
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      time.Time
		} `xml:"AssumeRoleResult>Credentials"`
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	err = xml.Unmarshal(text, &answer)
	if status != http.StatusOK {
		return nil, &awsError{Status: status, Code: answer.Code, Message: answer.Message}
	}
	c := answer.Credentials
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer of STS: %w", err)
	case c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SessionToken == "" || c.Expiration.IsZero():
		return nil, errors.New("the answer of STS holds no credentials")
	}
	return &sessionCredentials{
		Version: 1, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expiration: c.Expiration,
	}, nil
}

// awsError is a refusal of STS.
type awsError struct {
	Status        int
	Code, Message string
}

func (e *awsError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("STS answers with status %d", e.Status)
	}
	return fmt.Sprintf("STS refuses it: %s: %s", e.Code, e.Message)
}

// final reports whether the same request will be refused again.
func (e *awsError) final() bool {
	return e.Status < 500 && e.Status != http.StatusTooManyRequests && !strings.Contains(e.Code, "Throttl")
}

// metadata is the instance's metadata service, version 2. It is a neighbour: no proxy is between.
type metadata struct {
	base, token string
	transport   http.Transport
}

func (m *metadata) close() { m.transport.CloseIdleConnections() }

// identity returns the credentials of the instance's role and the region: the instance's own if none is given.
func (m *metadata) identity(ctx context.Context, region string) (*sessionCredentials, string, error) {
	ctx, cancel := context.WithTimeout(ctx, awsDeadline)
	defer cancel()
	token, err := m.get(ctx, http.MethodPut, "/latest/api/token")
	if err != nil {
		return nil, "", err
	}
	m.token = string(token)
	const roles = "/latest/meta-data/iam/security-credentials/"
	names, err := m.get(ctx, http.MethodGet, roles)
	if err != nil {
		return nil, "", err
	}
	name, _, _ := strings.Cut(string(names), "\n")
	text, err := m.get(ctx, http.MethodGet, roles+url.PathEscape(strings.TrimSpace(name)))
	if err != nil {
		return nil, "", err
	}
	var own struct {
		sessionCredentials
		Token string
	}
	if err := json.Unmarshal(text, &own); err != nil || own.AccessKeyID == "" || own.SecretAccessKey == "" {
		return nil, "", errors.New("the instance's metadata holds no credentials of its role")
	}
	own.SessionToken = own.Token
	if region == "" {
		found, err := m.get(ctx, http.MethodGet, "/latest/meta-data/placement/region")
		if err != nil {
			return nil, "", err
		}
		region = strings.TrimSpace(string(found))
	}
	return &own.sessionCredentials, region, nil
}

// get asks for one thing. It needs the token, except to ask for the token itself.
func (m *metadata) get(ctx context.Context, method, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, m.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the instance's metadata: %w", err)
	}
	if method == http.MethodPut {
		r.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "300")
	} else {
		r.Header.Set("X-aws-ec2-metadata-token", m.token)
	}
	text, status, err := ask(&http.Client{Transport: &m.transport}, r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("asking the instance's metadata: %w", err)
	case status != http.StatusOK:
		return nil, fmt.Errorf("asking the instance's metadata: %s answers with status %d", path, status)
	}
	return bytes.TrimSpace(text), nil
}

// ask sends a request that has a deadline, and reads a bounded answer.
func ask(client *http.Client, r *http.Request) ([]byte, int, error) {
	answer, err := client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAWS))
	return text, answer.StatusCode, err
}
