package exposition

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// A family is one metric: what it is called, what it says, and by what its series are told apart.
type family struct {
	name, help string
	labels     []string
}

// Labels. Each has few values: those of the configuration, or of a list in this program.
const (
	byStack      = "stack"
	byKind       = "kind"
	byStatus     = "status"
	byRepository = "repository"
	byReceiver   = "receiver"
	byPool       = "pool"
	bySubject    = "subject"
)

// gauges are all families that are read anew for each scrape. Moments are given as such and not as ages: one that nobody brings up to
// date any more goes on growing old in Prometheus.
func gauges() []family {
	return []family{
		{"build_info", "What runs here; always 1.", []string{"version", "goversion"}},
		{"leader", "1 if this agent is the one that polls, plans and applies, which an agent without a standby always is.", nil},
		{"loop_last_pass_timestamp_seconds", "When the agent last looked at everything; at the latest every 30 seconds.", nil},
		{"panics_caught_total", "Panics that were caught since the agent started.", nil},
		{"ping_last_success_timestamp_seconds", "When ping_url answered last; not there before it did.", nil},
		{"problems", "What does not work now and belongs to no single run, as sallyport status lists it, by what it is about.", []string{bySubject}},
		{"paused", "1 if somebody paused the agent: nothing is planned or applied.", nil},
		{"config_last_reload_successful", "0 if the configuration was read again and could not be taken: the one before stays in force.", nil},

		{"store_readable", "1 if the store could be read for this scrape. Without it everything that comes from the store is missing.", nil},
		{"store_size_bytes", "Size of the store's file.", nil},
		{"disk_free_bytes", "Room in the file system of the data directory.", nil},
		{"disk_size_bytes", "Size of the file system of the data directory.", nil},
		{"slots", "How many can be at work at a time (parallel of the configuration).", []string{byPool}},
		{"slots_used", "How many are at work: plans, applies and drift checks of terraform, builds of packer.", []string{byPool}},

		{"polls_total", "How often a repository was asked for its newest commit since the agent started.", []string{byRepository}},
		{"poll_errors_total", "How often it gave no answer, since the agent started.", []string{byRepository}},
		{"repository_last_poll_timestamp_seconds", "When a repository answered last; not there before it did.", []string{byRepository}},
		{"repository_failing", "1 if the last poll of a repository failed.", []string{byRepository}},
		{"repository_held", "1 if the newest commit of a repository waits for a person: its history was rewritten, or nobody vouches for it.", []string{byRepository}},

		{"outbox_messages", "Messages that are not delivered yet.", []string{byReceiver}},
		{"outbox_oldest_timestamp_seconds", "Since when the oldest of them waits; not there if none does.", []string{byReceiver}},

		{"open_runs", "Runs that have not ended.", []string{byStack, byKind, byStatus}},
		{"waiting_approvals", "Plans that wait for people.", nil},
		{"waiting_approvals_oldest_timestamp_seconds", "Since when the oldest of them waits; not there if none does.", nil},
		{"unreviewed_runs", "Runs that one person approved alone in an emergency and nobody else has reviewed.", nil},

		{"stack_last_success_timestamp_seconds", "When a stack was last applied, or found to need nothing; not there before that.", []string{byStack}},
		{"stack_behind", "1 if commits that touch a stack are not applied.", []string{byStack}},
		{"stack_needs_look", "1 if something of a stack failed and waits for a person.", []string{byStack}},
		{"stack_paused", "1 if somebody paused a stack.", []string{byStack}},
		{"stack_held", "1 if the open run of a stack does not move on: a lock, a window, an order of stacks, a pin.", []string{byStack}},
		{"stack_without_runs", "1 if a stack gets no runs, as when its directory left the branch.", []string{byStack}},
		{"stack_drift_check_timestamp_seconds", "When a drift check of a stack last got an answer; not there before that, and without checks.", []string{byStack}},
		{"stack_drift_check_failing", "1 if the last drift check of a stack got no answer.", []string{byStack}},
		{"stack_drifted_objects", "Objects and outputs that are not as they were applied, as of the last drift check.", []string{byStack}},
		{"stack_drift_since_timestamp_seconds", "Since when a stack has drifted; not there if it has not.", []string{byStack}},

		{"backup_configured", "1 if backups leave this machine.", nil},
		{"backup_failing", "1 if the last backup could not be made, read back or sent.", nil},
		{"backup_last_success_timestamp_seconds", "When a backup was sent last; not there before that.", nil},
		{"backup_last_verified_timestamp_seconds", "When that one was sent, if it was read back whole before; not there if it was not.", nil},
		{"backup_size_bytes", "Size of the last backup that was sent.", nil},
	}
}

// The families that grow while the agent runs. They begin at 0 with it: what ended before is in the history, see sallyport audit.
const (
	runsName     = "runs_total"
	promptName   = "commit_to_prompt_seconds"
	decisionName = "prompt_to_decision_seconds"
	endName      = "decision_to_end_seconds"
)

const prefix = "sallyport_"

// Names are those of every family that an agent of this version can export, those of Go and of the process left out.
func Names() []string {
	names := []string{prefix + runsName, prefix + promptName, prefix + decisionName, prefix + endName}
	for _, g := range gauges() {
		names = append(names, prefix+g.name)
	}
	slices.Sort(names)
	return names
}

func (f family) desc() *prometheus.Desc {
	return prometheus.NewDesc(prefix+f.name, f.help, f.labels, nil)
}

// kind is what type a family has.
func (f family) kind() prometheus.ValueType {
	if strings.HasSuffix(f.name, "_total") {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// subjects are what problems are about: the first word of their sources, or two.
func subjects() []string {
	return []string{
		"another agent", "backup", "bitbucket", "configuration", "disk", "gitea", "github", "gitlab", "history", "metrics", "notify", "packer", "ping", "repository", "retention",
		"slack", "snapshots", "socket", "state", "store", "terraform", "web",
	}
}

// other is the subject of what belongs to none of them.
const other = "other"

// subjectOf is what a problem is about.
func subjectOf(source string) string {
	for _, subject := range subjects() {
		rest, found := strings.CutPrefix(source, subject)
		if found && (rest == "" || strings.ContainsRune(" :.", rune(rest[0]))) {
			return subject
		}
	}
	return other
}
