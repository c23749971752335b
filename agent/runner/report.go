package runner

import (
	"encoding/json"
	"path/filepath"

	"sallyport/agent/runner/among"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/redact"
	"sallyport/store"
)

// A Report is what a runner tells the agents on other hosts of the end of its apply. Secrets of the job are out of its texts.
type Report struct {
	Result    Result           `json:"result"`
	Progress  jsonlog.Progress `json:"progress"`
	Artifacts []store.Artifact `json:"artifacts,omitempty"` // of a build
}

// A Sign is what a runner tells them while its apply goes on.
type Sign struct {
	Done    int    `json:"done"`
	Total   int    `json:"total"`
	Current string `json:"current,omitempty"`
}

// claim makes the run's claim among several agents, if there are several. After an error terraform must not be executed.
func (p *process) claim(j Job) (err error) {
	if len(j.Standby) == 0 {
		return nil
	}
	hide, t := among.Hiding(j.Env), tail{path: filepath.Join(p.dir, streamFile), engine: j.Engine}
	p.report = func(r Result) json.RawMessage { return p.reportOf(j, r, hide) }
	p.among, err = among.Take(among.Options{
		Run: j.Run, Digest: j.Digest, Etcd: j.Standby, Log: p.log,
		Sign: func() json.RawMessage {
			_, _ = t.read() // what cannot be read now is read at the next sign
			now := t.snapshot()
			raw, _ := json.Marshal(Sign{Done: now.Done, Total: now.Total, Current: hide.Line(now.Current)})
			return raw
		},
		Stop: func() error { return Interrupt(p.dir) },
	})
	return err
}

// tell tells the agents on other hosts how the apply ended, if there are several, and ends when that is told.
func (p *process) tell(r Result) {
	if p.among != nil {
		p.among.Tell(p.report(r))
	}
}

// maxReport bounds a report, in bytes: etcd takes no request above 1.5 MiB.
const maxReport = 512 << 10

// reportOf is what other hosts get to know of the end. One that is too large goes without what is least needed.
func (p *process) reportOf(j Job, r Result, hide *redact.Redactor) json.RawMessage {
	out := Report{Result: r}
	out.Result.Refused = hide.Text(r.Refused)
	progress, err := ReadProgress(p.dir)
	if err == nil && j.Engine == EnginePacker {
		out.Artifacts, err = Artifacts(p.dir)
	}
	if err != nil {
		p.log.Warn("reading what the apply said", "run", j.Run, "err", err)
	}
	out.Progress = progress.Redacted(hide.Line)
	for i, d := range out.Progress.Diagnostics {
		d.Summary, d.Detail, d.Code = hide.Text(d.Summary), hide.Text(d.Detail), ""
		out.Progress.Diagnostics[i] = d
	}
	raw, err := json.Marshal(out)
	if err == nil && len(raw) <= maxReport {
		return raw
	}
	out.Progress.Diagnostics, out.Progress.Outputs, out.Progress.Failed = nil, nil, nil
	if raw, err = json.Marshal(out); err == nil && len(raw) <= maxReport {
		return raw
	}
	raw, _ = json.Marshal(Report{Result: out.Result, Progress: jsonlog.Progress{Done: progress.Done, Total: progress.Total}})
	return raw
}
