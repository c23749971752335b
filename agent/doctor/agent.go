package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sallyport/agent/config/calendar"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/hint"
)

// longestSocket is what fits into the address of a unix socket, less what the agent needs while it makes one.
const longestSocket = 107 - len("/.s0123456789/s")

// checkAgent looks at the socket, and asks whoever is there.
func checkAgent(ctx context.Context, s *section, o Options, path string) []*section {
	if len(path) > longestSocket {
		s.fail("socket", "name a shorter path in socket", "the path is %d bytes long, and the kernel takes no more than %d here", len(path), longestSocket)
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.warn("directory", "systemd (RuntimeDirectory) or the agent makes it at the start", "%s does not exist yet", dir)
	case err != nil:
		s.fail("directory", "use sudo, or join the group that owns the directory", "%v", err)
	case info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0:
		s.fail("directory", "mend it:\nchmod o-w "+shellQuote(dir), "%s may be written by everybody, who could put a socket of their own there", dir)
	default:
		s.ok("directory", "%s has the mode %04o and belongs to %s", dir, info.Mode().Perm(), ownerOf(info))
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	client := socket.NewClient(path)
	defer client.Close()
	status, err := client.Status(ctx)
	if err != nil {
		s.warn("running", hint.Of(err), "%v", err)
		return []*section{s}
	}
	agentStatus(s, o.Version, status)
	return []*section{s}
}

// agentStatus repeats what a running agent complains about: it sees its machine with its own eyes.
func agentStatus(s *section, own string, status control.Status) {
	s.ok("running", "version %s", status.Agent.Version)
	if status.Agent.Version != own && own != "" {
		s.warn("version", "after an upgrade:\nsystemctl restart sallyport", "the agent is %s and this program is %s", status.Agent.Version, own)
	}
	if status.Agent.Paused {
		s.warn("paused", "let it go on:\nsallyport resume", "the agent is paused: nothing is planned or applied")
	}
	if status.Agent.Web != "" {
		s.ok("web", "pages to read at %s; sallyport web says how", status.Agent.Web)
	}
	backups(s, status.Agent.Backup)
	for _, r := range status.Repositories {
		if r.Error != "" {
			s.fail("repository "+r.Name, r.Hint, "the agent says: %s", r.Error)
		}
	}
	for _, p := range status.Problems {
		s.fail(p.Source, p.Hint, "the agent says: %s", p.Error)
	}
	for _, st := range status.Stacks {
		if st.Error != "" {
			s.warn("stack "+st.Name, "", "the agent says: %s", st.Error)
		}
	}
}

// backups: what is only on this machine is lost with it.
func backups(s *section, b *control.Backups) {
	if b == nil {
		s.warn("backup", "add a block backup { schedule  command } to the configuration", "no backup leaves this machine")
		return
	}
	if b.Error != "" {
		s.warn("backup", "mend the command of the backup block", "%s", b.Error)
	}
	schedule, err := calendar.ParseSchedule(b.Schedule)
	if err != nil || b.At == nil {
		s.warn("backup", "it is sent as soon as the agent can", "no backup was sent yet")
		return
	}
	second := schedule.Next(schedule.Next(*b.At))
	if time.Now().After(second) {
		s.warn("backup", "see the agent's log", "the last backup that was sent is of %s", b.At.UTC().Format(time.RFC3339))
		return
	}
	if !b.Verified {
		s.ok("backup", "the last one was sent at %s, by a version that did not read it back", b.At.UTC().Format(time.RFC3339))
		return
	}
	s.ok("backup", "the last one was sent at %s, and read back whole before", b.At.UTC().Format(time.RFC3339))
}
