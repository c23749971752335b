package api

import (
	"context"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/contain"
	"sallyport/agent/web"
)

// pagesAgain is after how long pages are tried to be shown again where they could not.
const pagesAgain = 30 * time.Second

// DependsOn implements [web.Facts].
func (d Desktop) DependsOn() map[string][]string {
	after := map[string][]string{}
	for _, s := range d.active.Current.Load().AllStacks() {
		after[s.Name] = s.DependsOn
	}
	return after
}

// pages are those that are shown now. The zero value shows none.
type pages struct {
	socket string             // where they are to be shown; empty: nowhere
	cancel context.CancelFunc // nil where they could not be, or cannot any more
	ended  chan struct{}
	again  <-chan time.Time // when that is tried again
}

// failed are pages that could not be shown at a socket.
func failed(socket string) pages { return pages{socket: socket, again: time.After(pagesAgain)} }

// stop ends them and returns when their socket is gone.
func (p pages) stop() {
	if p.cancel != nil {
		p.cancel()
		<-p.ended
	}
}

// ShowPages shows pages where the configuration says so, until ctx ends: they come, move and go with it. What is wrong with them stops
// nothing else.
func (sa *SocketAPI) ShowPages(ctx context.Context) {
	var now pages
	defer func() { now.stop() }()
	for {
		changed := sa.changes.Next()
		if want := pagesSocket(sa.active.Current.Load()); want != now.socket {
			now.stop()
			now = sa.openPages(ctx, want)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-now.ended:
			now.stop()
			now = failed(now.socket)
		case <-now.again:
			now = pages{}
		}
	}
}

// pagesSocket is where pages are to be shown; empty: nowhere.
func pagesSocket(conf *active.Config) string {
	if conf.Cfg.Web == nil {
		return ""
	}
	return conf.Cfg.Web.Socket
}

// openPages shows pages at a socket.
func (sa *SocketAPI) openPages(ctx context.Context, socket string) pages {
	if socket == "" {
		sa.faults.Set("web", nil)
		return pages{}
	}
	server, err := web.Listen(web.Options{
		Socket: socket, Facts: Desktop{sa}, Log: sa.log, Changes: sa.changes.Next, Redact: sa.health.Redact, Names: sa.active.Names(),
		Version: sa.version, Now: sa.now,
	})
	if sa.faults.Set("web", err) && err != nil {
		sa.log.Error("showing pages", "err", err)
	}
	if err != nil {
		return failed(socket)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := pages{socket: socket, ended: make(chan struct{}), cancel: cancel}
	end := func(err error) {
		if err != nil && ctx.Err() == nil {
			sa.faults.Set("web", err)
			sa.log.Error("showing pages", "err", err)
		}
		close(p.ended)
	}
	contain.Go("showing pages", func(p *contain.Panic) { end(p) }, func() { end(server.Serve(ctx)) })
	return p
}
