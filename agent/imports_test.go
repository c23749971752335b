package agent_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// storeys are every package of ours, each below what it uses: cmd -> cli -> agent -> notify -> store, and below agent the rooms
// and the leaves. A package may import what its row names, tests left out.
var storeys = []struct {
	name string
	uses []string
}{
	// The store.
	{name: "store/change"},
	{name: "store/disk"},
	{name: "store/disk/disktest"},
	{name: "store/holder"},
	{name: "store/recall"},
	{name: "store/stamp"},
	{"store", []string{"store/change", "store/disk", "store/holder", "store/recall", "store/stamp"}},

	// What is said, and to whom.
	{name: "notify/exchange"},
	{name: "notify/forge"},
	{name: "notify/forge/forgetest"},
	{name: "notify/github/githubtest"},
	{name: "notify/golden"},
	{name: "notify/redact"},
	{name: "notify/slack/slacktest/blockkit"},
	{name: "notify/slack/slacktest/link"},
	{name: "notify/words"},
	{name: "notify/words/wordstest"},
	{"notify/bitbucket/bitbuckettest", []string{"notify/forge/forgetest"}},
	{"notify/forge/wire", []string{"notify/exchange", "notify/forge", "notify/redact", "notify/words"}},
	{"notify/gitea/giteatest", []string{"notify/forge/forgetest"}},
	{"notify/gitlab/gitlabtest", []string{"notify/forge/forgetest"}},
	{"notify/slack/slacktest", []string{"notify/slack/slacktest/blockkit", "notify/slack/slacktest/link"}},
	{"notify/verbs", []string{"notify/words"}},
	{"notify", []string{"notify/redact", "notify/verbs", "notify/words", "store"}},
	{"notify/bitbucket", []string{"notify/exchange", "notify/forge", "notify/forge/wire", "notify/redact"}},
	{"notify/gitea", []string{"notify/exchange", "notify/forge", "notify/forge/wire", "notify/redact"}},
	{"notify/github", []string{"notify/exchange", "notify/forge", "notify/forge/wire", "notify/redact"}},
	{"notify/gitlab", []string{"notify/exchange", "notify/forge", "notify/forge/wire", "notify/redact"}},
	{"notify/people", []string{"store"}},
	{"notify/webhook", []string{"notify/exchange", "notify/redact", "store"}},
	{"notify/button", []string{"notify", "notify/redact", "notify/words", "store"}},
	{"notify/forge/report", []string{"notify", "notify/forge", "notify/redact", "notify/words", "store"}},
	{"notify/slack", []string{"notify", "notify/button", "notify/exchange", "notify/people", "notify/redact", "notify/words", "store"}},
	{"notify/slack/modal", []string{"notify", "notify/button", "notify/redact", "notify/words"}},
	{"notify/slack/socket", []string{"notify/redact", "notify/slack", "notify/words"}},

	// Leaves: each knows its own subject, and of the agent nothing.
	{name: "agent/cli/build"},
	{name: "agent/cli/fold"},
	{name: "agent/cli/man"},
	{name: "agent/config/circles"},
	{name: "agent/config/remote"},
	{name: "agent/config/trusted"},
	{name: "agent/demo/cloud"},
	{name: "agent/fault"},
	{name: "agent/foreign"},
	{name: "agent/hclfile"},
	{name: "agent/hint"},
	{name: "agent/patience"},
	{name: "agent/proc"},
	{name: "agent/standby/standbytest/member"},
	{name: "agent/repo/inflated"},
	{name: "agent/terraform/diag"},
	{name: "agent/terraform/release"},
	{name: "agent/terraform/varfile"},
	{name: "agent/trust"},
	{name: "configs"},
	{"agent/asuser", []string{"agent/hint", "agent/proc", "store/disk"}},
	{"agent/cli/screen", []string{"notify/redact", "notify/words"}},
	{"agent/config/decode", []string{"agent/config/trusted", "notify/redact", "notify/words"}},
	{"agent/contain", []string{"agent/fault"}},
	{"agent/hostcommand", []string{"agent/proc"}},
	{"agent/need", []string{"agent/terraform/release"}},
	{"agent/repo/odb", []string{"agent/hint", "notify/words"}},
	{"agent/terraform/cliconfig", []string{"agent/hint"}},
	{"agent/terraform/jsonlog", []string{"agent/terraform/diag"}},
	{"agent/asuser/asusertest", []string{"agent/need"}},
	{"agent/clock", []string{"store"}},
	{"agent/config/calendar", []string{"agent/config/decode", "notify/words"}},
	{"agent/config/environment", []string{"agent/config/decode", "notify/redact"}},
	{"agent/config/naming", []string{"store"}},
	{"agent/config/program", []string{"agent/config/decode", "agent/config/trusted"}},
	{"agent/config/shape", []string{"agent/config/decode"}},
	{"agent/datadir", []string{"store"}},
	{"agent/packer", []string{"agent/asuser", "agent/foreign", "agent/hclfile", "agent/proc", "notify/redact", "notify/words", "store"}},
	{"agent/page/pagetest", []string{"agent/need"}},
	{"agent/peercred", []string{"store"}},
	{"agent/repo/gittest", []string{"agent/need"}},
	{"agent/repo/pack", []string{"agent/fault", "agent/hint", "agent/repo/odb", "notify/words", "store/disk"}},
	{"agent/repo/tree", []string{"agent/hint", "agent/repo/inflated", "agent/repo/odb"}},
	{"agent/terraform/binary", []string{"agent/asuser", "agent/terraform/diag", "agent/terraform/release"}},
	{"agent/terraform/planfile", []string{"agent/asuser", "agent/fault", "agent/foreign", "store/disk"}},
	{"agent/terraform/planjson", []string{"store"}},
	{"agent/terraform/private", []string{"agent/asuser"}},
	{"agent/terraform/tftest", []string{"agent/need", "agent/patience", "store"}},
	{"agent/unixsocket", []string{"agent/contain"}},
	{"agent/config/figures", []string{"agent/config/decode", "agent/config/remote", "agent/config/shape", "notify/redact"}},
	{"agent/config/foreach", []string{"agent/config/decode", "agent/config/naming"}},
	{"agent/config/identity", []string{"agent/config/decode", "agent/config/naming"}},
	{"agent/config/receiver", []string{
		"agent/config/decode", "agent/config/environment", "agent/config/remote", "agent/config/shape", "agent/hostcommand", "notify/redact",
	}},
	{"agent/config/reference", []string{"agent/config/decode", "agent/config/shape"}},
	{"agent/config/repository", []string{
		"agent/config/calendar", "agent/config/decode", "agent/config/naming", "agent/config/remote", "agent/config/shape", "agent/trust", "notify/redact",
	}},
	{"agent/config/web", []string{"agent/config/decode", "agent/config/shape"}},
	{"agent/datadir/datadirtest", []string{"agent/datadir", "store"}},
	{"agent/packer/alone", []string{"agent/hclfile", "agent/packer"}},
	{"agent/repo/transport", []string{"agent/hint", "agent/repo/odb", "agent/repo/pack", "notify/redact"}},
	{"agent/rescue", []string{"agent/datadir", "agent/fault", "store", "store/disk"}},
	{"agent/terraform/cache", []string{
		"agent/asuser", "agent/foreign", "agent/hclfile", "agent/terraform/binary", "agent/terraform/diag", "agent/terraform/private", "notify/words", "store", "store/disk",
	}},
	{"agent/terraform/environ", []string{"agent/terraform/private", "notify/redact"}},
	{"agent/terraform/keptstate", []string{"agent/foreign", "agent/hint", "agent/terraform/planjson", "agent/terraform/private", "store/disk"}},
	{"agent/archive", []string{"agent/datadir", "agent/fault", "agent/foreign", "agent/hint", "agent/rescue", "store", "store/disk"}},
	{"agent/config", []string{
		"agent/config/calendar", "agent/config/circles", "agent/config/decode", "agent/config/environment", "agent/config/figures", "agent/config/foreach",
		"agent/config/identity", "agent/config/naming", "agent/config/program", "agent/config/receiver", "agent/config/remote", "agent/config/repository", "agent/config/shape",
		"agent/config/trusted", "agent/config/web", "agent/hclfile", "notify/redact", "notify/words",
	}},
	{"agent/repo", []string{
		"agent/hint", "agent/repo/inflated", "agent/repo/odb", "agent/repo/pack", "agent/repo/transport", "agent/repo/tree", "notify/redact", "notify/words", "store",
		"store/disk",
	}},
	{"agent/terraform/credentials", []string{
		"agent/asuser", "agent/contain", "agent/terraform/diag", "agent/terraform/environ", "agent/terraform/private", "notify/redact",
	}},
	{"agent/terraform/rootmodule", []string{"agent/foreign", "agent/hclfile", "agent/terraform/diag", "agent/terraform/keptstate"}},
	{"agent/config/globs", []string{"agent/config", "notify/words"}},
	{"agent/control", []string{"agent/archive", "agent/hint", "agent/peercred", "notify", "notify/people", "notify/words", "store"}},
	{"agent/engine/kept", []string{"agent/asuser", "agent/config", "agent/datadir", "agent/foreign", "agent/hint", "store/disk"}},
	{"agent/runner", []string{
		"agent/asuser", "agent/fault", "agent/foreign", "agent/packer", "agent/proc", "agent/terraform/binary", "agent/terraform/credentials", "agent/terraform/diag",
		"agent/terraform/environ", "agent/terraform/jsonlog", "notify/redact", "notify/words", "store", "store/disk",
	}},
	{"agent/sites", []string{"agent/config", "notify/bitbucket", "notify/forge", "notify/gitea", "notify/github", "notify/gitlab", "notify/redact"}},
	{"agent/stack", []string{"agent/config", "agent/hclfile", "agent/repo"}},
	{"agent/stack/stacktest", []string{"agent/repo", "agent/repo/gittest"}},
	{"agent/terraform", []string{
		"agent/asuser", "agent/contain", "agent/foreign", "agent/hclfile", "agent/proc", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/cliconfig",
		"agent/terraform/credentials", "agent/terraform/diag", "agent/terraform/environ", "agent/terraform/jsonlog", "agent/terraform/keptstate", "agent/terraform/planfile",
		"agent/terraform/planjson", "agent/terraform/private", "agent/terraform/rootmodule", "agent/terraform/varfile", "notify/redact", "store", "store/disk",
	}},
	{"agent/bugreport", []string{
		"agent/config", "agent/config/decode", "agent/config/shape", "agent/contain", "agent/control", "notify/redact", "notify/words", "store",
	}},
	{"agent/cli/adopt", []string{"agent/control", "store"}},
	{"agent/cli/audit", []string{"agent/control", "notify/people", "notify/redact", "notify/words"}},
	{"agent/cli/complete", []string{"agent/archive", "agent/control", "notify/redact", "notify/words", "store"}},
	{"agent/cli/given", []string{"agent/control", "notify/redact"}},
	{"agent/control/offline", []string{"agent/archive", "agent/control", "agent/datadir", "notify/people", "store"}},
	{"agent/control/socket", []string{"agent/archive", "agent/contain", "agent/control", "agent/hint", "agent/peercred", "agent/unixsocket", "notify/people", "store"}},
	{"agent/page", []string{"agent/control", "notify", "notify/redact", "notify/words", "store"}},
	{"agent/standby/etcd", []string{"notify/redact"}},
	{"agent/standby/standbytest", []string{"agent/patience", "agent/standby/etcd"}},
	{"agent/rundir", []string{"agent/control", "agent/datadir", "agent/fault", "agent/runner", "store", "store/disk"}},
	{"agent/stack/declared", []string{"agent/stack"}},
	{"agent/stack/guard", []string{"agent/hclfile", "agent/stack"}},
	{"agent/status", []string{"agent/control", "notify", "notify/people", "notify/words", "store"}},
	{"agent/survey", []string{
		"agent/config", "agent/config/globs", "agent/control", "agent/datadir", "agent/packer", "agent/repo", "agent/stack", "agent/terraform/diag", "agent/terraform/rootmodule",
	}},
	{"agent/cli/call", []string{
		"agent/cli/build", "agent/cli/given", "agent/cli/screen", "agent/config", "agent/control", "agent/control/offline", "agent/control/socket", "agent/hint", "agent/rundir",
		"agent/runner", "agent/status", "notify/redact", "notify/words",
	}},
	{"agent/cli/render", []string{
		"agent/archive", "agent/cli/adopt", "agent/config", "agent/control", "agent/packer", "agent/survey", "notify", "notify/redact", "notify/words", "store",
	}},
	{"agent/demo", []string{
		"agent/config", "agent/control", "agent/control/socket", "agent/datadir", "agent/demo/cloud", "agent/proc", "agent/runner", "agent/terraform/binary",
		"agent/terraform/release", "notify/github/githubtest", "notify/slack/slacktest", "notify/words", "store",
	}},
	{"agent/doctor", []string{
		"agent/asuser", "agent/config", "agent/config/calendar", "agent/config/globs", "agent/config/receiver", "agent/config/trusted", "agent/control", "agent/control/socket",
		"agent/datadir", "agent/hint", "agent/packer", "agent/peercred", "agent/repo", "agent/sites", "agent/stack", "agent/survey", "agent/terraform", "agent/terraform/binary",
		"agent/terraform/cache", "agent/terraform/credentials", "agent/terraform/diag", "notify/forge", "notify/redact", "notify/slack", "notify/slack/socket", "notify/webhook",
		"notify/words",
	}},
	{"agent/metrics/exposition", []string{"agent/control", "agent/status", "store"}},
	{"agent/survey/starter", []string{
		"agent/config", "agent/config/naming", "agent/config/remote", "agent/hclfile", "agent/hint", "agent/repo", "agent/stack", "agent/survey", "notify/words",
	}},
	{"agent/web", []string{"agent/contain", "agent/control", "agent/page", "agent/unixsocket", "notify/people", "notify/redact", "notify/words", "store"}},
	{"agent/cli/follow", []string{"agent/cli/render", "agent/control", "agent/control/socket"}},
	{"agent/cli/order", []string{
		"agent/cli/call", "agent/cli/follow", "agent/cli/render", "agent/cli/screen", "agent/control", "agent/control/socket", "notify", "notify/redact", "notify/verbs",
		"notify/words", "store",
	}},

	// The rooms of the agent, from the bottom up.
	{name: "agent/bell"},
	{"agent/lifecycle/effects", []string{"store"}},
	{"agent/lifecycle/ending", []string{"agent/fault", "notify/words", "store"}},
	{"agent/lifecycle/lockowner", []string{"agent/terraform/diag", "store"}},
	{"agent/lifecycle/renamed", []string{"store"}},
	{"agent/workers", []string{"agent/contain"}},
	{"agent/health", []string{"agent/bell", "agent/clock", "agent/contain", "agent/fault", "agent/hint", "notify/people", "notify/redact"}},
	{"agent/lifecycle/again", []string{"agent/terraform/planjson", "store"}},
	{"agent/lifecycle/look", []string{"notify", "store"}},
	{"agent/journal", []string{"agent/bell", "agent/fault", "agent/health", "store"}},
	{"agent/lifecycle/due", []string{"agent/config", "store"}},
	{"agent/lifecycle/expiry", []string{"agent/clock", "agent/config", "notify/words", "store"}},
	{"agent/lifecycle/policy", []string{"agent/clock", "agent/config", "notify/words", "store"}},
	{"agent/lifecycle/window", []string{"agent/config", "agent/config/calendar", "store"}},
	{"agent/lifecycle/votes", []string{
		"agent/clock", "agent/config", "agent/fault", "agent/hint", "agent/lifecycle/expiry", "notify", "notify/slack", "notify/words", "store",
	}},
	{"agent/active", []string{
		"agent/asuser", "agent/config", "agent/config/globs", "agent/config/trusted", "agent/datadir", "agent/health", "agent/hint", "agent/journal", "agent/lifecycle/votes",
		"agent/packer", "agent/repo", "agent/runner", "agent/sites", "agent/stack", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/credentials",
		"agent/terraform/diag", "notify/forge", "notify/people", "notify/redact", "notify/slack", "notify/words", "store", "store/disk",
	}},
	{"agent/lifecycle", []string{
		"agent/clock", "agent/config", "agent/hint", "agent/lifecycle/due", "agent/lifecycle/expiry", "agent/lifecycle/policy", "agent/lifecycle/votes", "agent/lifecycle/window",
		"agent/trust", "notify", "notify/words", "store",
	}},
	{"agent/phrase", []string{"agent/config", "agent/lifecycle/votes", "notify", "notify/slack", "notify/words", "store"}},
	{"agent/announce", []string{"agent/active", "agent/config", "agent/config/receiver", "agent/health", "agent/phrase", "notify", "notify/words", "store"}},
	{"agent/engine/hook", []string{
		"agent/active", "agent/config", "agent/control", "agent/datadir", "agent/fault", "agent/hostcommand", "agent/rundir", "notify/redact", "notify/words", "store",
	}},
	{"agent/execute/origin", []string{"agent/active", "agent/config", "agent/health", "agent/phrase", "agent/repo", "agent/stack", "notify/forge", "store"}},
	{"agent/slackbot/live", []string{
		"agent/active", "agent/bell", "agent/clock", "agent/contain", "agent/control", "agent/health", "agent/hint", "agent/phrase", "notify/slack/socket",
	}},
	{"agent/view", []string{
		"agent/active", "agent/config", "agent/control", "agent/health", "agent/lifecycle/votes", "agent/lifecycle/window", "agent/repo", "agent/stack", "agent/status",
		"notify/words", "store",
	}},
	{"agent/locks", []string{
		"agent/active", "agent/announce", "agent/config", "agent/datadir", "agent/health", "agent/journal", "agent/lifecycle", "agent/lifecycle/lockowner", "agent/runner",
		"agent/terraform/diag", "agent/workers", "notify", "store",
	}},
	{"agent/ledger", []string{
		"agent/active", "agent/announce", "agent/clock", "agent/config", "agent/datadir", "agent/fault", "agent/health", "agent/hint", "agent/journal", "agent/lifecycle",
		"agent/lifecycle/again", "agent/lifecycle/effects", "agent/lifecycle/look", "agent/lifecycle/policy", "agent/locks", "agent/packer", "agent/phrase", "agent/rescue",
		"agent/runner", "agent/terraform", "agent/terraform/diag", "agent/workers", "notify", "notify/slack", "notify/words", "store",
	}},
	{"agent/engine", []string{
		"agent/active", "agent/archive", "agent/asuser", "agent/bell", "agent/config", "agent/control", "agent/datadir", "agent/engine/hook", "agent/engine/kept", "agent/fault",
		"agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/lifecycle/again", "agent/lifecycle/ending", "agent/locks", "agent/packer",
		"agent/phrase", "agent/repo", "agent/rundir", "agent/runner", "agent/stack", "agent/terraform", "agent/terraform/binary", "agent/terraform/cache", "agent/terraform/diag",
		"agent/terraform/environ", "agent/terraform/jsonlog", "agent/terraform/keptstate", "agent/terraform/planjson", "agent/terraform/varfile", "agent/workers", "notify",
		"notify/redact", "notify/words", "store", "store/disk",
	}},
	{"agent/execute/remind", []string{
		"agent/active", "agent/config", "agent/health", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/lifecycle/votes", "notify", "notify/words", "store",
	}},
	{"agent/source", []string{
		"agent/active", "agent/bell", "agent/clock", "agent/config", "agent/config/calendar", "agent/control", "agent/fault", "agent/health", "agent/journal", "agent/ledger",
		"agent/lifecycle", "agent/repo", "agent/trust", "notify/forge", "notify/words", "store",
	}},
	{"agent/execute/hooks", []string{"agent/active", "agent/engine", "agent/engine/hook", "agent/health", "agent/journal", "agent/ledger", "agent/workers", "store"}},
	{"agent/operator/trials", []string{
		"agent/active", "agent/config", "agent/contain", "agent/control", "agent/datadir", "agent/engine", "agent/fault", "agent/health", "agent/hint", "agent/journal",
		"agent/ledger", "agent/lifecycle", "agent/terraform", "agent/terraform/binary", "agent/terraform/keptstate", "agent/workers", "notify/words", "store",
	}},
	{"agent/outbox", []string{
		"agent/active", "agent/announce", "agent/bell", "agent/clock", "agent/config", "agent/config/receiver", "agent/datadir", "agent/engine", "agent/fault", "agent/health",
		"agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle/votes", "agent/phrase", "notify", "notify/forge", "notify/forge/report", "notify/people", "notify/slack",
		"notify/verbs", "notify/webhook", "notify/words", "store",
	}},
	{"agent/slackbot/peers", []string{
		"agent/active", "agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/outbox", "agent/phrase", "notify", "notify/slack", "notify/words", "store",
	}},
	{"agent/triggers", []string{
		"agent/active", "agent/announce", "agent/clock", "agent/config", "agent/config/calendar", "agent/config/globs", "agent/engine", "agent/fault", "agent/health",
		"agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/lifecycle/due", "agent/lifecycle/effects", "agent/outbox", "agent/phrase", "agent/repo",
		"agent/stack", "agent/terraform", "agent/workers", "notify", "notify/words", "store",
	}},
	{"agent/execute", []string{
		"agent/active", "agent/asuser", "agent/clock", "agent/config", "agent/contain", "agent/datadir", "agent/engine", "agent/engine/hook", "agent/execute/hooks",
		"agent/execute/origin", "agent/execute/remind", "agent/fault", "agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/lifecycle/again",
		"agent/lifecycle/effects", "agent/lifecycle/expiry", "agent/lifecycle/policy", "agent/lifecycle/renamed", "agent/lifecycle/votes", "agent/locks", "agent/outbox",
		"agent/phrase", "agent/repo", "agent/rundir", "agent/runner", "agent/source", "agent/terraform/diag", "agent/terraform/jsonlog", "agent/triggers", "agent/workers",
		"notify", "notify/words", "store",
	}},
	{"agent/operator/errands", []string{
		"agent/active", "agent/archive", "agent/clock", "agent/config", "agent/contain", "agent/control", "agent/datadir", "agent/engine", "agent/execute", "agent/health",
		"agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/locks", "agent/rundir", "agent/stack", "agent/terraform", "agent/terraform/diag",
		"agent/terraform/keptstate", "agent/terraform/rootmodule", "agent/workers", "notify", "notify/words", "store", "store/disk",
	}},
	{"agent/operator", []string{
		"agent/active", "agent/archive", "agent/bell", "agent/clock", "agent/config", "agent/control", "agent/datadir", "agent/engine", "agent/health", "agent/hint",
		"agent/journal", "agent/ledger", "agent/lifecycle", "agent/lifecycle/due", "agent/lifecycle/votes", "agent/locks", "agent/operator/errands", "agent/operator/trials",
		"agent/packer", "agent/phrase", "agent/repo", "agent/source", "agent/stack", "agent/stack/declared", "agent/status", "agent/terraform/keptstate",
		"agent/terraform/planjson", "agent/terraform/varfile", "agent/workers", "notify", "notify/redact", "notify/verbs", "notify/words", "store",
	}},
	{"agent/api", []string{
		"agent/active", "agent/archive", "agent/bell", "agent/contain", "agent/control", "agent/control/socket", "agent/datadir", "agent/engine", "agent/health", "agent/hint",
		"agent/lifecycle/votes", "agent/operator", "agent/operator/errands", "agent/peercred", "agent/rundir", "agent/runner", "agent/terraform/diag", "agent/view", "agent/web",
		"notify", "store",
	}},
	{"agent/housekeeping", []string{
		"agent/active", "agent/announce", "agent/archive", "agent/bell", "agent/clock", "agent/config", "agent/config/calendar", "agent/datadir", "agent/engine", "agent/fault",
		"agent/health", "agent/hint", "agent/hostcommand", "agent/journal", "agent/ledger", "agent/lifecycle", "agent/operator", "agent/outbox", "agent/phrase", "agent/proc",
		"agent/rescue", "agent/rundir", "agent/runner", "agent/status", "agent/terraform/cache", "agent/terraform/keptstate", "agent/view", "agent/workers", "notify/words",
		"store",
	}},
	{"agent/pullrequests", []string{
		"agent/active", "agent/announce", "agent/config", "agent/health", "agent/journal", "agent/ledger", "agent/operator", "agent/packer/alone", "agent/phrase", "agent/repo",
		"agent/source", "agent/stack", "agent/stack/guard", "agent/triggers", "agent/workers", "notify/forge", "notify/words", "store",
	}},
	{"agent/slackbot/commands", []string{
		"agent/active", "agent/announce", "agent/config", "agent/contain", "agent/control", "agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/operator",
		"agent/outbox", "agent/phrase", "agent/view", "agent/workers", "notify", "notify/redact", "notify/slack", "notify/verbs", "notify/words", "store",
	}},
	{"agent/metrics", []string{
		"agent/active", "agent/bell", "agent/clock", "agent/contain", "agent/datadir", "agent/health", "agent/hint", "agent/housekeeping", "agent/metrics/exposition",
		"agent/outbox", "agent/status", "agent/view", "agent/workers", "notify/redact", "notify/webhook", "store",
	}},
	{"agent/slackbot/buttons", []string{
		"agent/active", "agent/clock", "agent/engine", "agent/fault", "agent/health", "agent/hint", "agent/journal", "agent/ledger", "agent/lifecycle/votes", "agent/operator",
		"agent/outbox", "agent/slackbot/commands", "agent/workers", "notify", "notify/button", "notify/slack", "notify/slack/modal", "notify/slack/socket", "notify/verbs",
		"notify/words", "store",
	}},
	{"agent/slackbot", []string{
		"agent/active", "agent/bell", "agent/clock", "agent/config", "agent/engine", "agent/fault", "agent/health", "agent/hint", "agent/journal", "agent/ledger",
		"agent/lifecycle/votes", "agent/operator", "agent/outbox", "agent/phrase", "agent/rescue", "agent/slackbot/buttons", "agent/slackbot/commands", "agent/slackbot/live",
		"agent/slackbot/peers", "agent/view", "agent/workers", "notify", "notify/slack", "notify/slack/socket", "notify/verbs", "notify/words", "store",
	}},

	// The agent.
	{"agent", []string{
		"agent/active", "agent/api", "agent/bell", "agent/clock", "agent/config", "agent/config/trusted", "agent/contain", "agent/datadir", "agent/engine", "agent/execute",
		"agent/health", "agent/housekeeping", "agent/journal", "agent/ledger", "agent/metrics", "agent/operator", "agent/outbox", "agent/pullrequests", "agent/rescue",
		"agent/runner", "agent/slackbot", "agent/slackbot/peers", "agent/source", "agent/terraform/cache", "agent/triggers", "agent/view", "agent/workers", "store",
	}},

	// What runs an agent, or tries one.
	{name: "agent/bench"},
	{name: "agent/e2e"},
	{name: "agent/sim"},
	{"agent/agenttest", []string{"agent", "agent/config", "agent/control", "agent/control/socket", "agent/patience", "store"}},
	{"agent/daemon", []string{"agent", "agent/asuser", "agent/config", "agent/housekeeping"}},
	{"agent/cli", []string{
		"agent/archive", "agent/asuser", "agent/bugreport", "agent/cli/adopt", "agent/cli/audit", "agent/cli/build", "agent/cli/call", "agent/cli/complete", "agent/cli/fold",
		"agent/cli/follow", "agent/cli/man", "agent/cli/order", "agent/cli/render", "agent/cli/screen", "agent/config", "agent/config/decode", "agent/config/reference",
		"agent/config/shape", "agent/control", "agent/control/socket", "agent/daemon", "agent/datadir", "agent/demo", "agent/demo/cloud", "agent/doctor", "agent/hint",
		"agent/page", "agent/peercred", "agent/repo", "agent/rescue", "agent/runner", "agent/survey", "agent/survey/starter", "agent/web", "notify/redact", "notify/words",
		"store", "store/disk",
	}},
	{"agent/cmd/sallyport", []string{"agent/cli"}},
}

// TestImportsPointDown keeps the architecture: rows name exactly what is imported, and only packages of rows above their own.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "sallyport/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		var ours []string
		for _, imported := range words[1:] {
			if name, ok := strings.CutPrefix(imported, "sallyport/"); ok {
				ours = append(ours, name)
			}
		}
		imports[strings.TrimPrefix(words[0], "sallyport/")] = ours
	}
	above := make(map[string]bool)
	for _, row := range storeys {
		have, there := imports[row.name]
		if !there {
			t.Errorf("there is no package %s", row.name)
		}
		for _, name := range have {
			if !slices.Contains(row.uses, name) {
				t.Errorf("%s imports %s, which its row does not name", row.name, name)
			}
		}
		for _, name := range row.uses {
			if !slices.Contains(have, name) {
				t.Errorf("%s does not import %s, which its row names", row.name, name)
			}
			if !above[name] {
				t.Errorf("%s may import %s, whose row is not above its own: arrows only point down", row.name, name)
			}
		}
		above[row.name] = true
	}
	for name := range imports {
		if !above[name] {
			t.Errorf("package %s has no row: say what it may use", name)
		}
	}
}
