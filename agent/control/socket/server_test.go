package socket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/patience"
	"sallyport/agent/peercred"
	"sallyport/store"
)

func TestErrorsKeepKindMessageAndHint(t *testing.T) {
	for _, want := range []*control.Error{
		control.Errorf(control.NotFound, "there is no run #9").WithHint("sallyport runs lists them"),
		control.Errorf(control.Refused, "#12 is applying").WithHint("sallyport cancel 12"),
		control.Errorf(control.Usage, "what?"),
		control.Errorf(control.Conflict, "it moved on").WithHint("look again"),
		control.Errorf(control.Internal, "disk & <friends>"),
	} {
		t.Run(string(want.Kind), func(t *testing.T) {
			c, _ := served(t, &fake{run: func(string) (control.Run, error) { return control.Run{}, fmt.Errorf("wrapped: %w", want) }}, nil)
			_, err := c.Run(context.Background(), "9")
			var got *control.Error
			if !errors.As(err, &got) {
				t.Fatalf("error is %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForeignErrorsAreInternal(t *testing.T) {
	c, _ := served(t, &fake{run: func(string) (control.Run, error) { return control.Run{}, errors.New("bolt is loose") }}, nil)
	_, err := c.Run(context.Background(), "9")
	if diff := cmp.Diff(error(control.Errorf(control.Internal, "bolt is loose")), err); diff != "" {
		t.Error(diff)
	}
}

func TestCallerIsWhoTheKernelSays(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var got peercred.Caller
	c, _ := served(t, &fake{decide: func(r control.DecideRequest) (control.DecideResponse, error) {
		got = r.By
		return control.DecideResponse{Message: r.Ref + " " + r.Words}, nil
	}}, nil)
	// What the client claims is dropped.
	answer, err := c.Decide(context.Background(), control.DecideRequest{Ref: "#12", Words: "approve destroy 2", By: peercred.Caller{UID: 0, User: "eve"}})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Message != "#12 approve destroy 2" {
		t.Errorf("the agent heard %q", answer.Message)
	}
	if got.UID != os.Getuid() || got.User != me.Username || got.PID != os.Getpid() {
		t.Errorf("caller is %+v, want uid %d, %s, pid %d", got, os.Getuid(), me.Username, os.Getpid())
	}
	if got.By() != "cli:"+me.Username {
		t.Errorf("by is %q", got.By())
	}
}

func TestAllowIsAskedAboutChangesOnly(t *testing.T) {
	f := &fake{run: func(string) (control.Run, error) { return control.Run{ID: 3}, nil }, backup: func(io.Writer) error { return nil }}
	c, _ := served(t, f, func(o *ServerOptions) {
		o.Allow = func(peercred.Caller) error { return errors.New("runs inside a plan") }
	})
	ctx := context.Background()
	if _, err := c.Run(ctx, "3"); err != nil {
		t.Errorf("looking: %v", err)
	}
	_, decide := c.Decide(ctx, control.DecideRequest{})
	_, start := c.Start(ctx, control.StartRequest{})
	_, cancel := c.Cancel(ctx, control.CancelRequest{})
	_, review := c.Review(ctx, control.ReviewRequest{})
	_, resume := c.Resume(ctx, control.ResumeRequest{})
	for verb, err := range map[string]error{
		"decide": decide, "review": review, "start": start, "cancel": cancel,
		"pause": c.Pause(ctx, control.PauseRequest{}), "resume": resume,
		"accept": c.Accept(ctx, control.AcceptRequest{}), "backup": c.Backup(ctx, control.BackupRequest{}, io.Discard),
	} {
		if diff := cmp.Diff(error(control.Errorf(control.Refused, "runs inside a plan")), err); diff != "" {
			t.Errorf("%s: %s", verb, diff)
		}
	}
}

func TestRefsTravelWhole(t *testing.T) {
	var got string
	c, _ := served(t, &fake{
		run:      func(ref string) (control.Run, error) { got = ref; return control.Run{}, nil },
		planText: "the plan of ",
	}, nil)
	for _, ref := range []string{"12", "#12", "ghe", "a/b", "x y?z%", "größe"} {
		if _, err := c.Run(context.Background(), ref); err != nil || got != ref {
			t.Errorf("%q came as %q: %v", ref, got, err)
		}
		text, err := c.PlanText(context.Background(), ref)
		if err != nil || text != "the plan of "+ref {
			t.Errorf("text is %q: %v", text, err)
		}
	}
	if _, err := c.Log(context.Background(), "3"); hint.Of(err) != "" || err.Error() != "#3 was not applied (planned), so there is no log" {
		t.Errorf("log: %v", err)
	}
}

func TestRunsQuery(t *testing.T) {
	f := &fake{asked: make(chan control.RunsQuery, 1)}
	c, _ := served(t, f, nil)
	for _, tc := range []struct{ q, want control.RunsQuery }{
		{control.RunsQuery{}, control.RunsQuery{Limit: 20}},
		{control.RunsQuery{Stack: "a b", Limit: 7}, control.RunsQuery{Stack: "a b", Limit: 7}},
		{control.RunsQuery{Limit: 1 << 30}, control.RunsQuery{Limit: control.MaxRuns}},
	} {
		runs, err := c.Runs(context.Background(), tc.q)
		if err != nil || runs == nil {
			t.Errorf("%+v gives %v, %v; want an empty list", tc.q, runs, err)
		}
		if got := <-f.asked; got != tc.want {
			t.Errorf("%+v came as %+v", tc.q, got)
		}
	}
}

func TestLongPollAnswersAtTheChange(t *testing.T) {
	var mu sync.Mutex
	run := control.Run{ID: 3, Status: store.Planning, UpdatedAt: new(at(1))}
	changed := make(chan struct{})
	looked := make(chan struct{}, 10)
	c, _ := served(t, &fake{run: func(string) (control.Run, error) {
		mu.Lock()
		defer mu.Unlock()
		looked <- struct{}{}
		return run, nil
	}}, func(o *ServerOptions) {
		o.Changes = func() <-chan struct{} {
			mu.Lock()
			defer mu.Unlock()
			return changed
		}
	})
	got := make(chan control.Run, 1)
	go func() {
		r, err := c.Wait(context.Background(), 3, at(1), patience.Limit())
		if err != nil {
			t.Error(err)
		}
		got <- r
	}()
	<-looked
	mu.Lock()
	old := changed // another run changed: the poll goes on
	changed = make(chan struct{})
	mu.Unlock()
	close(old)
	<-looked
	select {
	case r := <-got:
		t.Fatalf("answered without a change: %+v", r)
	default:
	}
	mu.Lock()
	run.Status, run.UpdatedAt = store.Planned, new(at(2))
	close(changed)
	mu.Unlock()
	select {
	case r := <-got:
		if r.Status != store.Planned {
			t.Errorf("answered %s", r.Status)
		}
	case <-time.After(patience.Limit()):
		t.Fatal("no answer")
	}
}

func TestLongPollEnds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status store.Status
		wait   time.Duration
	}{
		{"when the wait is over", store.Planned, time.Millisecond},
		{"at once for a run that has ended", store.Applied, time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := served(t, &fake{run: func(string) (control.Run, error) {
				return control.Run{ID: 3, Status: tc.status, UpdatedAt: new(at(1))}, nil
			}}, nil)
			r, err := c.Wait(context.Background(), 3, at(1), tc.wait)
			if err != nil || r.Status != tc.status {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestStopEndsLongPolls(t *testing.T) {
	looked := make(chan struct{}, 1)
	c, _ := served(t, &fake{run: func(string) (control.Run, error) {
		looked <- struct{}{}
		return control.Run{ID: 3, Status: store.Planned, UpdatedAt: new(at(1))}, nil
	}}, nil)
	go func() { _, _ = c.Wait(context.Background(), 3, at(1), time.Hour) }()
	<-looked // the cleanup of served fails the test if the server does not stop now
}

func TestLimits(t *testing.T) {
	_, socket := served(t, &fake{start: func(control.StartRequest) (control.StartResponse, error) { return control.StartResponse{Run: 1}, nil }}, nil)
	for _, tc := range []struct{ name, request, want string }{
		{"a huge body", post11("/v1/plan", `{"stack":"`+strings.Repeat("x", maxBody)+`"}`), "400"},
		{"not JSON", post11("/v1/plan", `stack=ghe`), "400"},
		{"an unknown field", post11("/v1/plan", `{"stack":"ghe","by":"root"}`), "400"},
		{"a huge header", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "431"},
		{"an unknown request", post11("/v1/delete", `{}`), "404"},
		{"a bad limit", "GET /v1/runs?limit=-1 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"a bad time", "GET /v1/runs/1?after=x&wait=1s HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"a good one", post11("/v1/plan", `{"stack":"ghe"}`), "200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := net.Dial("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() { _, _ = io.WriteString(c, tc.request) }() // the server may stop reading
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(res.StatusCode); got != tc.want {
				t.Errorf("status %s, want %s", got, tc.want)
			}
		})
	}
}

func post11(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

func TestBackupThatBreaksOffIsAnError(t *testing.T) {
	broken := control.Errorf(control.Conflict, "a state is being written").WithHint("try again")
	for _, tc := range []struct {
		name  string
		write string
		err   error
		want  error
	}{
		{"whole", "all of it", nil, nil},
		{"empty and whole", "", nil, nil},
		{"refused before the first byte", "", broken, broken},
		{"broken off", strings.Repeat("x", 1<<20), broken, broken},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := served(t, &fake{backup: func(w io.Writer) error {
				if _, err := io.WriteString(w, tc.write); err != nil {
					return err
				}
				return tc.err
			}}, nil)
			var b strings.Builder
			err := c.Backup(context.Background(), control.BackupRequest{}, &b)
			if diff := cmp.Diff(tc.want, err); diff != "" {
				t.Error(diff)
			}
			if b.String() != tc.write {
				t.Errorf("%d bytes came, want %d", b.Len(), len(tc.write))
			}
		})
	}
}

// Each answer says which version gives it.
func TestTheAgentsVersion(t *testing.T) {
	c, _ := served(t, &fake{}, func(o *ServerOptions) { o.Version = "1.2.3" })
	var heard []string
	c.Hears(func(version string) { heard = append(heard, version) })
	_, _ = c.Status(t.Context())
	if len(heard) != 1 || heard[0] != "1.2.3" {
		t.Errorf("heard of %v", heard)
	}
}
