package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/unixsocket"
)

const (
	dialTimeout    = 3 * time.Second
	answerTimeout  = 30 * time.Second // of everything but a long poll and a backup
	migrateTimeout = 45 * time.Minute // two plans and what a repair does, three times
	repairTimeout  = 12 * time.Minute // of what terraform has to do first: longer than the agent itself waits for it
	maxAnswer      = 256 << 20        // the text of a monstrous plan still fits
)

// Client talks to a running agent. It is a [control.Reader] and a [control.Operator]; the By of its requests is dropped, the agent asks
// the kernel. When nobody answers, errors wrap ErrNoAgent.
type Client struct {
	socket string
	http   *http.Client
	hears  func(version string)
}

// Hears has f told, with each answer, the version of the agent that gave it.
func (c *Client) Hears(f func(version string)) { c.hears = f }

// NewClient makes a client for the agent at a socket. It connects with the first request.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, noAgent(socket, err)
		}
		return c, nil
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, Proxy: nil}}}
}

// noAgent tells the reasons why nobody answers apart, for people.
func noAgent(socket string, err error) error {
	e := &NoAgentError{Socket: socket, Err: err, Hint: "start it with systemctl start sallyport, or sallyport agent in a terminal"}
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Err = errNotAllowed
		e.Hint = "use sudo, or become a member of the group that owns the socket" + groupOf(filepath.Dir(socket))
	case errors.Is(err, fs.ErrNotExist):
		e.Err = errors.New("there is no such socket")
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Err = errors.New("the socket is left over and nobody listens")
	case unixsocket.IsFull(err):
		e.Err = errors.New("the agent does not take connections")
		e.Hint = "it is stuck or overloaded: look at its log (journalctl -u sallyport)"
	}
	return e
}

// groupOf is how somebody becomes a member of the group that owns a directory; empty where it cannot be told, and where it is root's.
func groupOf(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Gid == 0 {
		return ""
	}
	group, err := user.LookupGroupId(strconv.Itoa(int(stat.Gid)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (%s): sudo usermod -aG %s YOU, then log in anew", group.Name, group.Name)
}

// Close ends kept connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status implements Reader.
func (c *Client) Status(ctx context.Context) (control.Status, error) {
	return get[control.Status](ctx, c, "/v1/status", nil)
}

// Runs implements Reader.
func (c *Client) Runs(ctx context.Context, q control.RunsQuery) ([]control.Run, error) {
	v := url.Values{"limit": {strconv.Itoa(q.Limited().Limit)}}
	if q.Stack != "" {
		v.Set("stack", q.Stack)
	}
	return get[[]control.Run](ctx, c, "/v1/runs", v)
}

// Run implements Reader.
func (c *Client) Run(ctx context.Context, ref string) (control.Run, error) {
	return get[control.Run](ctx, c, "/v1/runs/"+url.PathEscape(ref), nil)
}

// Wait is Run that answers when the run is no longer as it was when updated last, has ended, or wait is over.
func (c *Client) Wait(ctx context.Context, id int, updated time.Time, wait time.Duration) (control.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+answerTimeout)
	defer cancel()
	v := url.Values{"after": {updated.UTC().Format(time.RFC3339Nano)}, "wait": {wait.String()}}
	var r control.Run
	err := c.request(ctx, http.MethodGet, "/v1/runs/"+strconv.Itoa(id)+"?"+v.Encode(), nil, &r)
	return r, err
}

// Around implements Reader.
func (c *Client) Around(ctx context.Context, ref string) (control.Around, error) {
	return get[control.Around](ctx, c, "/v1/runs/"+url.PathEscape(ref)+"/around", nil)
}

// PlanText implements Reader.
func (c *Client) PlanText(ctx context.Context, ref string) (string, error) {
	return get[string](ctx, c, "/v1/runs/"+url.PathEscape(ref)+"/plan", nil)
}

// Log implements Reader.
func (c *Client) Log(ctx context.Context, ref string) (string, error) {
	return get[string](ctx, c, "/v1/runs/"+url.PathEscape(ref)+"/log", nil)
}

// Verify implements Reader.
func (c *Client) Verify(ctx context.Context) (control.Verification, error) {
	return get[control.Verification](ctx, c, "/v1/verify", nil)
}

// Start implements Operator.
func (c *Client) Start(ctx context.Context, r control.StartRequest) (control.StartResponse, error) {
	return post[control.StartResponse](ctx, c, "/v1/plan", r)
}

// Decide implements Operator.
func (c *Client) Decide(ctx context.Context, r control.DecideRequest) (control.DecideResponse, error) {
	return post[control.DecideResponse](ctx, c, "/v1/decide", r)
}

// Review implements Operator.
func (c *Client) Review(ctx context.Context, r control.ReviewRequest) (control.DecideResponse, error) {
	return post[control.DecideResponse](ctx, c, "/v1/review", r)
}

// Cancel implements Operator.
func (c *Client) Cancel(ctx context.Context, r control.CancelRequest) (control.CancelResponse, error) {
	return post[control.CancelResponse](ctx, c, "/v1/cancel", r)
}

// Pause implements Operator.
func (c *Client) Pause(ctx context.Context, r control.PauseRequest) error {
	_, err := post[struct{}](ctx, c, "/v1/pause", r)
	return err
}

// Resume implements Operator.
func (c *Client) Resume(ctx context.Context, r control.ResumeRequest) (control.ResumeResponse, error) {
	return post[control.ResumeResponse](ctx, c, "/v1/resume", r)
}

// Accept implements Operator.
func (c *Client) Accept(ctx context.Context, r control.AcceptRequest) error {
	_, err := post[struct{}](ctx, c, "/v1/accept", r)
	return err
}

// Unlock implements Operator.
func (c *Client) Unlock(ctx context.Context, r control.UnlockRequest) (control.RepairResponse, error) {
	return postWithin[control.RepairResponse](ctx, c, repairTimeout, "/v1/unlock", r)
}

// PushState implements Operator.
func (c *Client) PushState(ctx context.Context, r control.PushStateRequest) (control.RepairResponse, error) {
	return postWithin[control.RepairResponse](ctx, c, repairTimeout, "/v1/state/push", r)
}

// Why implements Reader.
func (c *Client) Why(ctx context.Context, stack string) (control.Why, error) {
	return get[control.Why](ctx, c, "/v1/stacks/"+url.PathEscape(stack)+"/why", nil)
}

// States implements Reader.
func (c *Client) States(ctx context.Context, stack string) ([]archive.StateCopy, error) {
	return get[[]archive.StateCopy](ctx, c, "/v1/stacks/"+url.PathEscape(stack)+"/states", nil)
}

// RestoreState implements Operator.
func (c *Client) RestoreState(ctx context.Context, r control.RestoreStateRequest) (control.RepairResponse, error) {
	return postWithin[control.RepairResponse](ctx, c, repairTimeout, "/v1/state/restore", r)
}

// MoveState implements Operator.
func (c *Client) MoveState(ctx context.Context, r control.MoveStateRequest) (control.RepairResponse, error) {
	return postWithin[control.RepairResponse](ctx, c, repairTimeout, "/v1/state/move", r)
}

// MigrateState implements Operator. It plans twice.
func (c *Client) MigrateState(ctx context.Context, r control.MigrateStateRequest) (control.RepairResponse, error) {
	return postWithin[control.RepairResponse](ctx, c, migrateTimeout, "/v1/state/migrate", r)
}

// Backup implements Operator. It has no deadline of its own: an archive takes what it takes.
func (c *Client) Backup(ctx context.Context, _ control.BackupRequest, w io.Writer) error {
	res, err := c.send(ctx, http.MethodPost, "/v1/backup", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errorIn(res)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("receiving the backup: %w", err)
	}
	switch told := res.Trailer.Get(backupTrailer); told {
	case "ok":
		return nil
	case "":
		return control.Errorf(control.Internal, "the agent stopped in the middle of the backup").WithHint("try again")
	default:
		var e control.Error
		if err := json.Unmarshal([]byte(told), &e); err != nil {
			return fmt.Errorf("reading how the backup ended: %w", err)
		}
		return &e
	}
}

func get[A any](ctx context.Context, c *Client, path string, v url.Values) (A, error) {
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var a A
	err := c.request(ctx, http.MethodGet, path, nil, &a)
	return a, err
}

func post[A any](ctx context.Context, c *Client, path string, q any) (A, error) {
	return postWithin[A](ctx, c, answerTimeout, path, q)
}

func postWithin[A any](ctx context.Context, c *Client, limit time.Duration, path string, q any) (A, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var a A
	err := c.request(ctx, http.MethodPost, path, q, &a)
	return a, err
}

// request sends q as JSON and decodes the answer: text into a *string, JSON into anything else.
func (c *Client) request(ctx context.Context, method, path string, q, into any) error {
	res, err := c.send(ctx, method, path, q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errorIn(res)
	}
	body := io.LimitReader(res.Body, maxAnswer)
	if text, ok := into.(*string); ok {
		b, err := io.ReadAll(body)
		*text = string(b)
		return c.received(ctx, err)
	}
	return c.received(ctx, json.NewDecoder(body).Decode(into))
}

func (c *Client) send(ctx context.Context, method, path string, q any) (*http.Response, error) {
	var body io.Reader
	if q != nil {
		b, err := json.Marshal(q)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://sallyport"+path, body)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, c.received(ctx, err)
	}
	if v := res.Header.Get(versionHeader); v != "" && c.hears != nil {
		c.hears(v)
	}
	return res, nil
}

// received words what can go wrong once the request is on its way.
func (c *Client) received(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var gone *NoAgentError
	if errors.As(err, &gone) {
		return gone
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &NoAgentError{Socket: c.socket, Err: errors.New("it took too long"),
			Hint: "the agent is stuck or overloaded: look at its log (journalctl -u sallyport)"}
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the made-up URL says nothing to anybody
	}
	return fmt.Errorf("talking to the agent at %s: %w", c.socket, err)
}

// errorIn is the error that an answer carries.
func errorIn(res *http.Response) error {
	var a struct {
		Error *control.Error `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&a); err != nil || a.Error == nil {
		return control.Errorf(control.Internal, "the agent answered %s", res.Status)
	}
	return a.Error
}
