package planjson

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/terraform/tftest"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, address string
		want             bool
	}{
		{"aws_ebs_volume.*", "aws_ebs_volume.data", true},
		{"aws_ebs_volume.*", "aws_ebs_volume.data[0]", true},
		{"aws_ebs_volume.*", "module.ghe.aws_ebs_volume.data", true},
		{"aws_ebs_volume.*", `module.ghe["a.b\"].x"].module.disk[0].aws_ebs_volume.data["k"]`, true},
		{"aws_ebs_volume.*", "aws_ebs_volume_attachment.data", false},
		{"aws_ebs_volume.data", "aws_ebs_volume.data[0]", false},
		{"aws_ebs_volume.data", "aws_ebs_volume.data", true},
		{"*.data", "aws_ebs_volume.data", true},
		{"*", "anything.at[0].all", true},
		{"module.ghe.*", "module.ghe.aws_ebs_volume.data", true},
		{"module.ghe.*", "module.outer.module.ghe.aws_ebs_volume.data", true},
		{"module.ghe.*", "module.gh.aws_ebs_volume.data", false},
		{`aws_s3_bucket.logs["eu"]`, `aws_s3_bucket.logs["eu"]`, true},
		{`aws_s3_bucket.logs[?eu?]`, `aws_s3_bucket.logs["eu"]`, false},
		{"a.*b*c", "a.xbyc", true},
		{"a.*b*c", "a.xcyb", false},
		{"aa*aa", "aaa", false},
		{"", "a.b", false},
	} {
		if got := Matches(c.pattern, c.address); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.address, got)
		}
	}
}

const drifted = `{"format_version":"1.2","planned_values":{"deep":[{"a":"}"},[1,{"b":null}]]},
"resource_drift":[
 {"address":"a.gone","mode":"managed","change":{"actions":["delete"],"before":{"secret":"x"}}},
 {"address":"a.changed","mode":"managed","change":{"actions":["update"]}},
 {"address":"a.replaced","mode":"managed","change":{"actions":["delete"]}},
 {"address":"a.noise","mode":"managed","change":{"actions":["no-op"]}}],
"resource_changes":[
 {"address":"a.gone","mode":"managed","change":{"actions":["create"],"after":{"secret":"x"}}},
 {"address":"a.changed","mode":"managed","change":{"actions":["update"]}},
 {"address":"a.replaced","mode":"managed","change":{"actions":["delete"]}},
 {"address":"a.new","mode":"managed","change":{"actions":["create"]}},
 {"address":"a.same","mode":"managed","change":{"actions":["no-op"]}},
 {"address":"data.a.read","mode":"data","change":{"actions":["read"]}},
 {"address":"a.changed","deposed":"abc","mode":"managed","change":{"actions":["delete"]}}],
"output_changes":{"z":{"actions":["create"],"after":"v"},"a":{"actions":["no-op"]},"b":{"actions":["delete"]}},
"prior_state":null,"applyable":true,"complete":false,"errored":false}`

func TestClassesFromDrift(t *testing.T) {
	p, err := Parse(strings.NewReader(drifted))
	if err != nil {
		t.Fatal(err)
	}
	plan := p.Summary([]string{"a.gone"}, nil)
	want := "a.replaced delete drift\na.changed delete config\na.gone create recreate protected\na.changed update drift\na.new create config\n"
	if diff := cmp.Diff(want, tftest.Brief(plan)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if plan.Add != 2 || plan.Change != 1 || plan.Destroy != 2 || len(plan.Outputs) != 2 || plan.Outputs[0].Name != "b" {
		t.Errorf("summary %+v", plan)
	}
	if *p.Complete || p.Errored {
		t.Errorf("flags: %+v", p)
	}
}

func TestParseRefusesHalfAPlan(t *testing.T) {
	for _, n := range []int{0, 1, 60, 300, len(drifted) - 1} {
		if _, err := Parse(strings.NewReader(drifted[:n])); err == nil {
			t.Errorf("%d bytes of a plan were taken for a whole one", n)
		}
	}
	if _, err := Parse(strings.NewReader(`[]`)); err == nil {
		t.Error("a list was taken for a plan")
	}
}
