package doctor

import (
	"context"
	"os"
	"time"

	"sallyport/agent/config/receiver"
	"sallyport/agent/config/trusted"
	"sallyport/agent/datadir"
	"sallyport/notify/webhook"
	"sallyport/notify/words"
)

// checkReceiver tries whether a receiver of a notify block is reached. It is told of nothing, unless a test was asked for.
func (d *doctor) checkReceiver(ctx context.Context, r *receiver.Receiver) []*section {
	s := d.section("notify " + r.Name)
	ctx, cancel := context.WithTimeout(ctx, max(d.o.Timeout, r.Timeout))
	defer cancel()
	test := d.o.Notify == r.Name
	switch {
	case len(r.Command) > 0 && test:
		said, err := r.Run(ctx, datadir.Home(d.cfg.DataDir), webhook.Trial(time.Now()).JSON())
		if err != nil {
			s.fail("test", "mend the command; it gets the event as JSON on its standard input", "%s: %v%s", r.Command[0], err, said.Shown(d.redactor.Text))
			break
		}
		s.ok("test", "%s took a test event", r.Command[0])
	case len(r.Command) > 0:
		checkCommand(s, r.Command[0], r.Name)
	case r.URL.IsZero():
		s.warn("address", "run the doctor where the credentials are, or name a copy of them with --credentials DIR", "it cannot be read here, so nothing was tried")
	case test:
		target := webhook.Target{URL: r.URL, Headers: r.Headers, Agent: "sallyport/" + d.o.Version}
		if err := webhook.Post(ctx, webhook.NewClient(), target, webhook.Trial(time.Now())); err != nil {
			s.fail("test", "look at url and headers of the block", "%v", err)
			break
		}
		s.ok("test", "%s took a test event", target.Site())
	default:
		reach(ctx, s, r)
	}
	return []*section{s}
}

// checkCommand looks for the program of a command.
func checkCommand(s *section, name, block string) {
	at := name
	if found := trusted.LookUp(name, os.Getenv("PATH")); found != "" {
		at = found
	}
	info, err := os.Stat(at)
	switch {
	case err != nil:
		s.fail("command", "correct command of the block", "%v", err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		s.fail("command", "make it executable:\nchmod +x "+shellQuote(at), "%s is no program", at)
	default:
		s.ok("command", "%s is there; --notify %s runs it with a test event", at, block)
	}
}

// reach tries whether the host of an address is there, without the rest of the address and the headers.
func reach(ctx context.Context, s *section, r *receiver.Receiver) {
	host, err := head(ctx, r.URL)
	if err != nil {
		s.fail("reached", "look at url of the block, and at what stands between this machine and that host", "%v", err)
		return
	}
	s.ok("reached", "%s answers; --notify %s sends it a test event", host, r.Name)
}

// noReceiver is the answer to whoever wants to test one that there is not.
func (d *doctor) noReceiver() []*section {
	s := d.section("notify " + d.o.Notify)
	var names []string
	for _, r := range d.cfg.Notify {
		names = append(names, r.Name)
	}
	s.fail("test", words.Labelled("there is: ", names, 20), "the configuration has no block notify %q", d.o.Notify)
	return []*section{s}
}
