package transport

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/notify/redact"
)

const (
	// forgetOldProtocol is how long a server is taken for one without protocol v2 before it is asked again.
	forgetOldProtocol = time.Hour
	// maxAdvertisement bounds the list of the older protocol, which holds every reference: a million of them.
	maxAdvertisement = 64 << 20
	// maxErrorBody bounds what is read of a page that explains an error.
	maxErrorBody = 16 << 10
)

// httpRemote reaches a server over http or https, with a client, and so connections, of its own.
type httpRemote struct {
	address  Address
	username string
	password func(context.Context) (redact.Secret, error)
	caFile   string
	stall    time.Duration
	activity *activity
	child    *pack.Unpacker

	mu     sync.Mutex
	client *http.Client // nil until first used, and again after a certificate was refused: ca_file may have changed
	oldFor time.Time    // until when the older protocol is used without asking
}

func newHTTPRemote(a Address, o Options) *httpRemote {
	return &httpRemote{
		address:  a,
		username: cmp.Or(o.Username, cmp.Or(a.user, "x-access-token")),
		password: o.Password,
		caFile:   o.CAFile,
		stall:    o.FetchTimeout,
		activity: &activity{},
		child:    o.Child,
	}
}

// Refs asks with one POST. git's own client asks for the capabilities first, which is a second round trip that a
// server's answer makes unnecessary.
func (h *httpRemote) Refs(ctx context.Context, prefixes []string) (RefList, error) {
	client, err := h.http()
	if err != nil {
		return RefList{}, err
	}
	h.mu.Lock()
	old := time.Now().Before(h.oldFor)
	h.mu.Unlock()
	if old {
		return h.oldRefs(ctx, client)
	}
	list, err := h.lsRefs(ctx, client, prefixes)
	if !errors.Is(err, errNoV2) {
		h.forget(err)
		return list, err
	}
	if list, err = h.oldRefs(ctx, client); err == nil {
		h.mu.Lock()
		h.oldFor = time.Now().Add(forgetOldProtocol)
		h.mu.Unlock()
	}
	return list, err
}

func (h *httpRemote) lsRefs(ctx context.Context, client *http.Client, prefixes []string) (RefList, error) {
	body, err := lsRefsRequest(prefixes)
	if err != nil {
		return RefList{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address.Shown+"/git-upload-pack", bytes.NewReader(body))
	if err != nil {
		return RefList{}, errors.New("building request: url cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	req.Header.Set("Accept", "application/x-git-upload-pack-result")
	req.Header.Set("Git-Protocol", "version=2")
	req.Header.Set("User-Agent", "git/2 (sallyport)")
	// An empty list is not sent and tells net/http that the request may be repeated. Without it each connection that
	// the server closed while idle would cost a failed poll.
	req.Header["Idempotency-Key"] = []string{}
	auth, err := h.auth(ctx)
	if err != nil {
		return RefList{}, err
	}
	if auth != nil {
		auth.SetAuth(req)
	}
	res, err := client.Do(req)
	if err != nil {
		return RefList{}, err
	}
	defer drain(res.Body)
	if err := statusError(res); err != nil {
		return RefList{}, err
	}
	return readLsRefs(bufio.NewReader(io.LimitReader(res.Body, maxListBytes)))
}

// statusError sorts the statuses. What means neither credentials nor path may come from a server that stumbled over
// protocol v2, and the older protocol is tried before anything is reported.
func statusError(res *http.Response) error {
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound:
		return githttp.NewErr(res)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable, code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		return hint.With(fmt.Errorf("server answered %s", res.Status), "the server is busy or being serviced; it is tried again")
	}
	return fmt.Errorf("%w: it answered %s", errNoV2, res.Status)
}

// oldRefs lists every reference with go-git.
func (h *httpRemote) oldRefs(ctx context.Context, client *http.Client) (RefList, error) {
	s, err := h.session(ctx, client)
	if err != nil {
		return RefList{}, err
	}
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		h.forget(err)
		return RefList{}, err
	}
	return listOf(adv), nil
}

func (h *httpRemote) session(ctx context.Context, client *http.Client) (transport.UploadPackSession, error) {
	endpoint, err := transport.NewEndpoint(h.address.Shown)
	if err != nil {
		return nil, errors.New("url cannot be used")
	}
	t := githttp.NewClientWithOptions(client, &githttp.ClientOptions{RedirectPolicy: githttp.NoFollowRedirects})
	auth, err := h.auth(ctx)
	if err != nil {
		return nil, err
	}
	// A nil *BasicAuth inside the interface would be taken for an authentication.
	if auth != nil {
		return t.NewUploadPackSession(endpoint, auth)
	}
	return t.NewUploadPackSession(endpoint, nil)
}

func (h *httpRemote) Fetch(ctx context.Context, dst *odb.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error) {
	client, err := h.http()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	ctx, stop := h.activity.watch(ctx, h.stall)
	defer stop()
	s, err := h.session(ctx, client)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tip, err := fetchPack(ctx, s, route{child: h.child, activity: h.activity}, dst, ref)
	if err != nil {
		h.forget(err)
		return plumbing.ZeroHash, cause(ctx, err)
	}
	return tip, nil
}

func (h *httpRemote) auth(ctx context.Context) (*githttp.BasicAuth, error) {
	token, err := h.password(ctx)
	if err != nil || token.IsZero() {
		return nil, err
	}
	return &githttp.BasicAuth{Username: h.username, Password: token.Reveal()}, nil
}

func (h *httpRemote) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client != nil {
		h.client.CloseIdleConnections()
		h.client = nil
	}
}

// forget drops the client after a refused certificate, so that a mended ca_file is read by the next poll.
func (h *httpRemote) forget(err error) {
	var unknown *tls.CertificateVerificationError
	if errors.As(err, &unknown) {
		h.Close()
	}
}

// http returns the client, making it when there is none.
func (h *httpRemote) http() (*http.Client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client != nil {
		return h.client, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if h.caFile != "" {
		pool, err := authorities(h.caFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	h.client = &http.Client{
		Transport: &bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return dial(ctx, network, addr, h.activity)
			},
			TLSClientConfig:     config,
			MaxIdleConnsPerHost: 1,
			// Longer than any sensible schedule; a server that closes earlier costs a handshake, not a failed poll.
			IdleConnTimeout: 15 * time.Minute,
		}},
		CheckRedirect: refuseRedirect,
	}
	return h.client, nil
}

// authorities returns the system's authorities and those of a PEM file.
func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, hint.With(fmt.Errorf("reading ca_file: %w", err), "ca_file must be a PEM file that this user may read")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, hint.With(fmt.Errorf("reading ca_file: %s holds no certificate", file), "ca_file must hold certificates in PEM form")
	}
	return pool, nil
}

// refuseRedirect follows nothing: credentials belong to one host, a POST does not survive most redirects, and a poll
// that is redirected costs two round trips forever. The message names the new place instead.
func refuseRedirect(req *http.Request, _ []*http.Request) error {
	to := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}
	for _, suffix := range []string{"/git-upload-pack", "/info/refs"} {
		to.Path = strings.TrimSuffix(to.Path, suffix)
	}
	return hint.With(fmt.Errorf("server redirects to %q", to.String()), "set url to the new address if you trust it")
}

// bounded is a transport that limits what a server can make us hold in memory: lists and pages of errors. Packs go to
// disk and are not limited here.
type bounded struct{ base *http.Transport }

func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := int64(0)
	switch {
	case res.StatusCode >= 300:
		limit = maxErrorBody
	case strings.HasSuffix(req.URL.Path, "/info/refs"):
		limit = maxAdvertisement
	}
	if limit > 0 {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, limit), res.Body}
	}
	return res, nil
}

// CloseIdleConnections lets http.Client find the method of the transport inside.
func (b *bounded) CloseIdleConnections() { b.base.CloseIdleConnections() }

// drain reads what is left, so that the connection can be used again, but not for the sake of a flood.
func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, 256<<10))
	_ = body.Close()
}

// cause replaces the error of a canceled context by what canceled it.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}
