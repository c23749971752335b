package configs_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"

	"sallyport/agent/config"
	"sallyport/agent/need"
)

// cloud is what plays the AWS CLI: it keeps what it was asked for in STATE, answers from there, and takes no argument that the real
// one does not. The states of a snapshot are one a look, the last one for good.
const cloud = `
set -eu
echo "$*" >> "$STATE/calls"
refused() { echo "An error occurred ($1) when calling the $2 operation (reached max retries: 5): $1" >&2; exit 254; }
[ "$1" = ec2 ]; verb=$2; shift 2
text= query= filters= ids= volume= tags=
while [ $# -gt 0 ]; do
  case $1 in
    --output) text=$2; shift 2 ;;
    --query) query=$2; shift 2 ;;
    --owner-ids | --description) shift 2 ;;
    --volume-id) volume=$2; shift 2 ;;
    --tag-specifications) tags=$2; shift 2 ;;
    --snapshot-ids) ids=$2; shift 2 ;;
    --filters) shift; filters=; while [ $# -gt 0 ] && [ "${1#Name=}" != "$1" ]; do filters="$filters $1"; shift; done ;;
    *) echo "aws: error: unrecognized arguments: $1" >&2; exit 252 ;;
  esac
done
case $verb in
  describe-volumes) cat "$STATE/volumes.json" ;;
  create-snapshot)
    [ "$volume" = vol-0a ] && jq -e '.[0].ResourceType == "snapshot"' <<<"$tags" > "$STATE/tagged"
    [ ! -e "$STATE/refuses" ] || refused SnapshotCreationPerVolumeRateExceeded CreateSnapshot
    echo "$tags" >> "$STATE/created"
    if [ -e "$STATE/lost" ]; then mv "$STATE/lost" "$STATE/ours.json"; echo "Could not connect to the endpoint URL" >&2; exit 255; fi
    echo snap-0b ;;
  describe-snapshots)
    if [ -z "$ids" ]; then [ -n "$filters" ]; cat "$STATE/ours.json"; exit; fi
    state=$(head -n 1 "$STATE/states")
    if [ "$(wc -l < "$STATE/states")" -gt 1 ]; then sed -i 1d "$STATE/states"; fi
    [ "$state" != throttled ] || refused RequestLimitExceeded DescribeSnapshots
    echo "$state" ;;
  *) echo "aws: error: argument operation: Invalid choice" >&2; exit 252 ;;
esac
`

// plan is a run with a plan of changes, each "ACTIONS ADDRESS", as before_apply gets it.
func plan(changes ...string) string {
	var list []string
	for _, c := range changes {
		actions, address, _ := strings.Cut(c, " ")
		list = append(list, fmt.Sprintf(`{"address":%q,"previous_address":"","unknown":false,"actions":["%s"]}`, address, strings.ReplaceAll(actions, ",", `","`)))
	}
	return `{"id":12,"plan":{"digest":"1a2b","changes":[` + strings.Join(list, ",") + `]}}`
}

const (
	oneVolume = `{"Volumes":[{"VolumeId":"vol-0a","State":"in-use","Tags":[{"Key":"Name","Value":"code-host-data"},{"Key":"Backup","Value":"code-host"}]}]}`
	noVolume  = `{"Volumes":[]}`
	twice     = `{"Volumes":[{"VolumeId":"vol-0a"},{"VolumeId":"vol-0c"}]}`
	replaced  = "delete,create aws_instance.code_host"
	none      = `{"Snapshots":[]}`
)

func ours(state string, ago time.Duration) string {
	return fmt.Sprintf(`{"Snapshots":[{"SnapshotId":"snap-0c","State":%q,"StartTime":%q}]}`, state, time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05.000Z"))
}

// Before an apply that touches the node or its volume there is a whole snapshot of the volume, or nothing is applied.
func TestSnapshotBeforeApply(t *testing.T) {
	t.Parallel()
	need.Long(t, "it runs a script of many commands for each case")
	need.Program(t, "jq")
	const fact = "sallyport: snapshot=snap-0b\n"
	for name, c := range map[string]struct {
		stdin   string
		files   map[string]string // of the cloud, beside one volume, no snapshot, and one that is complete at the first look
		timeout string
		want    int
		made    int // snapshots that were asked for
		says    []string
	}{
		"nothing of it":              {stdin: plan("update aws_cloudwatch_metric_alarm.gone", "create aws_eip.ip", "read data.aws_ami.x", "no-op aws_instance.code_host")},
		"the node is replaced":       {stdin: plan(replaced), files: map[string]string{"states": "pending\npending\ncompleted\n"}, made: 1, says: []string{fact, "snap-0b of vol-0a is complete"}},
		"the node changes":           {stdin: plan("update aws_instance.code_host"), made: 1, says: []string{fact}},
		"the volume changes":         {stdin: plan("update aws_ebs_volume.data"), made: 1, says: []string{fact}},
		"something else goes":        {stdin: plan("delete aws_eip.ip"), made: 1, says: []string{fact}},
		"something is forgotten":     {stdin: plan("forget aws_eip.ip"), made: 1, says: []string{fact}},
		"it fails":                   {stdin: plan(replaced), files: map[string]string{"states": "pending\nerror\n"}, want: 1, made: 1, says: []string{fact, "failed, so nothing is applied"}},
		"throttled for a while":      {stdin: plan(replaced), files: map[string]string{"states": "throttled\npending\nthrottled\nthrottled\ncompleted\n"}, made: 1, says: []string{fact, "is complete"}},
		"throttled for good":         {stdin: plan(replaced), files: map[string]string{"states": "throttled\n"}, want: 1, made: 1, says: []string{fact, "nobody can tell how"}},
		"never complete":             {stdin: plan(replaced), files: map[string]string{"states": "pending\n"}, timeout: "0", want: 1, made: 1, says: []string{fact, "not complete in time (pending)"}},
		"an unknown state":           {stdin: plan(replaced), files: map[string]string{"states": "recoverable\n"}, timeout: "0", want: 1, made: 1, says: []string{fact, "not complete in time"}},
		"refused":                    {stdin: plan(replaced), files: map[string]string{"refuses": ""}, want: 1, says: []string{"try 3 of 3", "there is no snapshot of vol-0a"}},
		"its answer is lost":         {stdin: plan(replaced), files: map[string]string{"lost": ours("pending", 0)}, made: 1, says: []string{"sallyport: snapshot=snap-0c\n"}},
		"begun before a restart":     {stdin: plan(replaced), files: map[string]string{"ours.json": ours("pending", time.Hour)}, says: []string{"sallyport: snapshot=snap-0c\n"}},
		"complete before a restart":  {stdin: plan(replaced), files: map[string]string{"ours.json": ours("completed", time.Minute)}, says: []string{"sallyport: snapshot=snap-0c\n"}},
		"one of this plan, but old":  {stdin: plan(replaced), files: map[string]string{"ours.json": ours("completed", time.Hour)}, made: 1, says: []string{fact}},
		"one that failed":            {stdin: plan(replaced), files: map[string]string{"ours.json": ours("error", 0)}, made: 1, says: []string{fact}},
		"the first volume":           {stdin: plan("create aws_ebs_volume.data", "create aws_instance.code_host"), files: map[string]string{"volumes.json": noVolume}, says: []string{"no volume code-host-data yet"}},
		"a volume that is not found": {stdin: plan(replaced), files: map[string]string{"volumes.json": noVolume}, want: 1, says: []string{"nobody can tell what it touches"}},
		"two volumes":                {stdin: plan(replaced), files: map[string]string{"volumes.json": twice}, want: 1, says: []string{"there are 2 volumes"}},
		"no volumes can be read":     {stdin: plan(replaced), files: map[string]string{"volumes.json": "{}"}, want: 1, says: []string{"nobody can tell which volumes"}},
		"no plan":                    {stdin: `{"id":12,"plan":null}`, want: 1, says: []string{"nobody can tell what this plan touches"}},
		"no run":                     {stdin: "", want: 1, says: []string{"nobody can tell what this plan touches"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := t.TempDir()
			files := map[string]string{"volumes.json": oneVolume, "ours.json": none, "states": "completed\n"}
			for file, text := range c.files {
				files[file] = text
			}
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(state, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			timeout := c.timeout
			if timeout == "" {
				timeout = "3300"
			}
			env := []string{"STATE=" + state, "SNAPSHOT_POLL=0", "SNAPSHOT_TIMEOUT=" + timeout, "SALLYPORT_RUN=12"}
			code, out := hooked(t, played(t, "aws", cloud), "office-service/hooks/snapshot-volume.sh", c.stdin, env,
				"code-host-data", "aws_instance.code_host", "aws_ebs_volume.data", "aws_volume_attachment.data")
			heard(t, code, out, c.want, c.says)
			created, _ := os.ReadFile(filepath.Join(state, "created"))
			if n := strings.Count(string(created), "\n"); n != c.made {
				t.Errorf("%d snapshots were made, want %d", n, c.made)
			}
			if c.made > 0 && !strings.Contains(string(created), `{"Key":"Backup","Value":"code-host"},{"Key":"Name","Value":"code-host-data before the apply of #12"},{"Key":"SallyportPlan","Value":"1a2b"}`) {
				t.Errorf("it is tagged %s", created)
			}
			if calls, err := os.ReadFile(filepath.Join(state, "calls")); (len(c.says) == 0 || strings.Contains(out, "nobody can tell what this plan touches")) && err == nil {
				t.Errorf("the cloud was asked %s", calls)
			}
		})
	}
}

// The trial of the office service is a stack of the same module whose names, address and state are its own, and that keeps nothing.
func TestTrialBesideTheRealOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(examples, "office-service")
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	must(t, err)
	_, block, found := strings.Cut(string(readme), "```hcl\n")
	block, _, ended := strings.Cut(block, "```")
	sample, err := os.ReadFile(filepath.Join(dir, "sallyport.hcl"))
	must(t, err)
	if !found || !ended {
		t.Fatal("the README has no block")
	}
	file := filepath.Join(t.TempDir(), "sallyport.hcl")
	must(t, os.WriteFile(file, []byte(string(sample)+"\n"+block), 0o600))
	credentials := t.TempDir()
	for _, name := range []string{"git-token", "slack-bot-token"} {
		must(t, os.WriteFile(filepath.Join(credentials, name), []byte("secret-"+name), 0o600))
	}
	cfg, err := config.Load(file, config.LoadOptions{CredentialsDir: credentials, SkipModes: true})
	must(t, err)
	stacks := map[string]*config.Stack{}
	for _, s := range cfg.Stacks {
		stacks[s.Name] = s
	}
	real, trial := stacks["code-host"], stacks["code-host-trial"]
	if real == nil || trial == nil || trial.Dir != real.Dir || trial.Hooks != nil || len(trial.Protect) > 0 || real.Hooks == nil {
		t.Fatalf("the stacks are %+v and %+v", real, trial)
	}
	if got := real.Hooks.BeforeApply[1]; got != "code-host-data" {
		t.Errorf("the hook looks for the volume %s", got)
	}
	values := func(name string) map[string]string {
		f, diags := hclparse.NewParser().ParseHCLFile(filepath.Join(dir, "code-host", name))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		attributes, diags := f.Body.JustAttributes()
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		out := map[string]string{}
		for name, a := range attributes {
			value, _ := a.Expr.Value(nil)
			out[name] = value.GoString()
		}
		return out
	}
	module, diags := tfconfig.LoadModule(filepath.Join(dir, "code-host"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	prod, own := values("prod.tfvars"), values("trial.tfvars")
	for name := range own {
		if module.Variables[name] == nil {
			t.Errorf("there is no variable %s", name)
		}
	}
	if own["name"] == "" || own["name"] == prod["name"] || own["private_ip"] == "" || own["private_ip"] == prod["private_ip"] || own["final_snapshot"] != "cty.False" {
		t.Errorf("the trial has %v", own)
	}
}

// ec2 plays the service itself, as much of it as the hook asks for: every look finds the snapshot one step further.
func ec2(t *testing.T) (url string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var actions []string
	looks := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		action := r.FormValue("Action")
		actions = append(actions, action)
		item := ""
		switch {
		case action == "DescribeVolumes" && r.FormValue("Filter.1.Name") == "tag:Name" && r.FormValue("Filter.1.Value.1") == "code-host-data":
			item = "<volumeSet><item><volumeId>vol-0a</volumeId><status>in-use</status><tagSet><item><key>Backup</key><value>code-host</value></item></tagSet></item></volumeSet>"
		case action == "DescribeSnapshots" && r.FormValue("SnapshotId.1") == "snap-0b":
			if looks++; looks == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors></Response>")
				return
			}
			item = "<snapshotSet><item><snapshotId>snap-0b</snapshotId><status>" + []string{"pending", "completed"}[min(looks-2, 1)] + "</status></item></snapshotSet>"
		case action == "DescribeSnapshots" && r.FormValue("Filter.2.Name") == "tag:SallyportPlan" && r.FormValue("Filter.2.Value.1") == "1a2b":
			item = "<snapshotSet/>"
		case action == "CreateSnapshot" && r.FormValue("VolumeId") == "vol-0a" && r.FormValue("TagSpecification.1.Tag.1.Key") == "Backup" && r.FormValue("TagSpecification.1.Tag.3.Value") == "1a2b":
			item = "<snapshotId>snap-0b</snapshotId><status>pending</status>"
		default:
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "<"+action+"Response>"+item+"</"+action+"Response>")
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(actions)
	}
}

// The same with the real AWS CLI, where there is one: what the hook types is what that understands.
func TestSnapshotByTheRealCLI(t *testing.T) {
	t.Parallel()
	need.Program(t, "jq")
	need.LongUnlessRaced(t, "the real CLI of AWS takes seconds to start")
	aws := need.Program(t, "aws")
	url, asked := ec2(t)
	env := []string{
		"SNAPSHOT_POLL=0", "SALLYPORT_RUN=12", "AWS_ENDPOINT_URL=" + url, "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
		"AWS_EC2_METADATA_DISABLED=true",
	}
	code, out := hooked(t, filepath.Dir(aws), "office-service/hooks/snapshot-volume.sh", plan(replaced), env, "code-host-data", "aws_instance.code_host")
	heard(t, code, out, 0, []string{"sallyport: snapshot=snap-0b\n", "the snapshot snap-0b of vol-0a is complete"})
	if got := strings.Join(asked(), " "); !strings.HasPrefix(got, "DescribeVolumes DescribeSnapshots CreateSnapshot DescribeSnapshots") || strings.Count(got, "CreateSnapshot") != 1 {
		t.Errorf("the service was asked %s", got)
	}
}
