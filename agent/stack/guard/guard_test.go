package guard

import (
	"maps"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/stack"
	"sallyport/agent/stack/stacktest"
)

// TestGuard: what decides which programs terraform runs counts, how it is written does not.
func TestGuard(t *testing.T) {
	base := map[string]string{
		"box/main.tf":             "terraform {\n  backend \"s3\" {}\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n",
		"m/main.tf":               "resource \"terraform_data\" \"a\" {}\n",
		"box/.terraform.lock.hcl": "# a\n",
	}
	repository := stacktest.NewCommits(t)
	before := repository.Tree(base)
	for name, tt := range map[string]struct {
		change map[string]string
		want   string
	}{
		"nothing":              {nil, ""},
		"a resource":           {map[string]string{"box/more.tf": "resource \"terraform_data\" \"b\" {}\n"}, ""},
		"blanks and comments":  {map[string]string{"box/main.tf": "# new\nterraform {\n\n  backend   \"s3\" { # where\n  }\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n"}, ""},
		"another file":         {map[string]string{"box/main.tf": "module \"m\" {\n  source = \"../m\"\n}\n", "box/terraform.tf": "terraform {\n  backend \"s3\" {}\n}\n"}, ""},
		"the backend":          {map[string]string{"box/main.tf": "terraform {\n  backend \"gcs\" {}\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n"}, "its backend or providers"},
		"a provider's source":  {map[string]string{"m/versions.tf": "terraform {\n  required_providers {\n    a = {\n      source = \"evil/a\"\n    }\n  }\n}\n"}, "its backend or providers"},
		"the same in JSON":     {map[string]string{"m/versions.tf.json": `{"terraform":{"required_providers":{"a":{"source":"evil/a"}}}}`}, "its backend or providers"},
		"an override":          {map[string]string{"box/override.tf": "terraform {\n  backend \"local\" {}\n}\n"}, "its backend or providers"},
		"a file that is wrong": {map[string]string{"box/wrong.tf": "terraform {"}, "its backend or providers"},
		"the lock file":        {map[string]string{"box/.terraform.lock.hcl": "# b\n"}, "its lock file"},
		"no lock file":         {map[string]string{"box/.terraform.lock.hcl": ""}, "its lock file"},
		"a lock file nowhere":  {map[string]string{"box/.terraform.lock.hcl": "-> gone"}, "its lock file"},
		"a file nowhere":       {map[string]string{"m/x.tf": "-> gone"}, "its backend or providers"},
		"a linked provider": {map[string]string{"m/x.tf": "-> ../x.hcl", "x.hcl": "terraform {\n  required_providers {\n    a = {\n      source = \"evil/a\"\n    }\n  }\n}\n"},
			"its backend or providers"},
		"a module behind a link": {map[string]string{"box/more.tf": "module \"l\" {\n  source = \"./l\"\n}\n", "box/l": "-> ../away", "away/main.tf": "terraform {\n  required_providers {\n    a = {\n      source = \"evil/a\"\n    }\n  }\n}\n"},
			"its backend or providers"},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			for file, text := range tt.change {
				if now[file] = text; text == "" {
					delete(now, file)
				}
			}
			d := stack.Definition{Dir: "box"}
			old, err := guardsOf(before, d)
			if err != nil {
				t.Fatal(err)
			}
			has, err := guardsOf(repository.Tree(now), d)
			if err != nil {
				t.Fatal(err)
			}
			if got := has.changed(old); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The configuration of a provider stands as it was, and what it refers to does not, as far as that leads: somebody has to look.
func TestAloneFollowsReferences(t *testing.T) {
	base := map[string]string{
		"box/main.tf": "provider \"kubernetes\" {\n  host = aws_vpc.a.id\n  exec {\n    command = \"aws\"\n    args = concat([local.mode], module.m.args, [for k, v in local.more : v])\n  }\n}\n" +
			"provider \"aws\" {\n  region = \"x\"\n}\nresource \"aws_vpc\" \"a\" {\n  cidr = var.cidr\n}\nresource \"aws_vpc\" \"other\" {\n  cidr = var.other\n}\n",
		"box/values.tf": "locals {\n  mode = \"${local.deep}-x\"\n  deep = data.aws_ami.a.id\n  more = { a = \"1\" }\n  free = \"1\"\n}\ndata \"aws_ami\" \"a\" {\n  name = var.name\n}\n" +
			"variable \"name\" {\n  default = \"n\"\n}\nvariable \"cidr\" {}\nvariable \"other\" {}\nmodule \"m\" {\n  source = \"../m\"\n  in = var.name\n}\n",
		"box/prod.tfvars":      "cidr = \"10.0.0.0/8\"\nother = \"1\"\n",
		"box/terraform.tfvars": "other = \"2\"\n",
		"m/main.tf":            "variable \"in\" {}\noutput \"args\" {\n  value = [var.in]\n}\n",
	}
	before := stacktest.TreeOf(t, base)
	const changes, unclear = "it changes what the configuration of a provider refers to", "nobody can tell whether it changes what"
	for name, tt := range map[string]struct{ file, from, to, want string }{
		"nothing":                               {"", "", "", ""},
		"a value that nothing refers to":        {"box/values.tf", `free = "1"`, `free = "2"`, ""},
		"a resource that nothing refers to":     {"box/main.tf", "cidr = var.other", "cidr = var.name", ""},
		"a comment":                             {"box/values.tf", `free = "1"`, "free = \"1\" # one", ""},
		"another variable's value":              {"box/prod.tfvars", `other = "1"`, `other = "3"`, ""},
		"a value":                               {"box/values.tf", `"${local.deep}-x"`, `"${local.deep}-evil"`, changes},
		"a value behind a value":                {"box/values.tf", "data.aws_ami.a.id", "data.aws_ami.a.arn", changes},
		"a data source behind that":             {"box/values.tf", "name = var.name\n}", "name = \"evil\"\n}", changes},
		"a variable's default behind that":      {"box/values.tf", `default = "n"`, `default = "evil"`, changes},
		"its value from a file, by itself":      {"box/terraform.tfvars", `other = "2"`, `name = "evil"`, changes},
		"a value from a file that is named":     {"box/prod.tfvars", `10.0.0.0/8`, `10.1.0.0/8`, changes},
		"what a for expression goes through":    {"box/values.tf", `{ a = "1" }`, `{ a = "evil" }`, changes},
		"a resource":                            {"box/main.tf", "cidr = var.cidr", "cidr = var.other", changes},
		"a module's files":                      {"m/main.tf", "[var.in]", "[var.in, \"evil\"]", changes},
		"what a module is given":                {"box/values.tf", "in = var.name", "in = \"evil\"", changes},
		"a value in an override":                {"box/x_override.tf", "", "locals {\n  more = { a = \"evil\" }\n}\n", changes},
		"a value in JSON":                       {"box/x.tf.json", "", `{"locals": {"x": "evil"}}`, unclear},
		"a value from a file of who knows what": {"box/values.tf", `{ a = "1" }`, `yamldecode(file("x.yml"))`, unclear},
		"var files that nobody can read":        {"box/prod.tfvars", "cidr", "=", unclear},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			if tt.file != "" && !strings.Contains(now[tt.file], tt.from) {
				t.Fatal("the test changes nothing")
			}
			if tt.file != "" {
				now[tt.file] = strings.Replace(now[tt.file], tt.from, tt.to, 1)
			}
			why, err := Alone(before, stacktest.TreeOf(t, now), stack.Definition{Dir: "box", VarFiles: []string{"prod.tfvars"}})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && why != "" || !strings.HasPrefix(why, tt.want) {
				t.Errorf("got %q, want %q", why, tt.want)
			}
		})
	}
	// In a module what its callers give it counts; nobody follows that.
	nested := map[string]string{"box/main.tf": "module \"m\" {\n  source = \"../m\"\n}\n", "m/main.tf": "variable \"in\" {}\nprovider \"aws\" {\n  region = var.in\n}\n"}
	if why, err := Alone(stacktest.TreeOf(t, nested), stacktest.TreeOf(t, nested), stack.Definition{Dir: "box"}); err != nil || !strings.HasPrefix(why, unclear) {
		t.Errorf("%q, %v", why, err)
	}
}

// What a provider is told by a file of the repository changes with the file, and nothing else shows that: somebody has to look, however
// the file is read.
func TestAloneFollowsNoFiles(t *testing.T) {
	const unclear = "nobody can tell whether it changes what"
	provider := func(host string) string { return "provider \"kubernetes\" {\n  host = " + host + "\n}\n" }
	for name, tt := range map[string]struct{ main, now string }{
		"a function":                      {provider("file(\"h\")"), ""},
		"a function that becomes another": {provider("file(\"h\")"), provider("file /* of ours */ (\"h\")")},
		"a data source of a file":         {provider("data.local_file.h.content") + "data \"local_file\" \"h\" {\n  filename = \"${terraform.workspace}.txt\"\n}\n", ""},
		"one that names a file":           {provider("data.vault_seed.h.value") + "data \"vault_seed\" \"h\" {\n  source = \"h\"\n}\n", ""},
		"one that is given a path":        {provider("data.vault_seed.h.value") + "data \"vault_seed\" \"h\" {\n  source = local.p\n}\nlocals {\n  p = \"${path.module}/h\"\n}\n", ""},
		"another state":                   {provider("data.terraform_remote_state.h.outputs.h") + "data \"terraform_remote_state\" \"h\" {\n  backend = \"local\"\n  config = { path = \"h\" }\n}\n", ""},
		"an argument of the provider":     {provider("\"x\"\n  ca_bundle = \"h\""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := map[string]string{"box/main.tf": tt.main, "box/h": "good"}
			now := map[string]string{"box/main.tf": tt.main, "box/h": "evil"}
			if tt.now != "" {
				now["box/main.tf"] = tt.now
			}
			if why, err := Alone(stacktest.TreeOf(t, before), stacktest.TreeOf(t, now), stack.Definition{Dir: "box"}); err != nil || !strings.HasPrefix(why, unclear) {
				t.Errorf("%q, %v", why, err)
			}
		})
	}
	// In JSON a directive refers to something as an interpolation does.
	json := map[string]string{"box/p.tf.json": `{"provider": {"kubernetes": {"host": "%{ if var.a }x%{ endif }"}}}`, "box/main.tf": "variable \"a\" {}\n"}
	if why, err := Alone(stacktest.TreeOf(t, json), stacktest.TreeOf(t, json), stack.Definition{Dir: "box"}); err != nil || !strings.HasPrefix(why, unclear) {
		t.Errorf("JSON: %q, %v", why, err)
	}
}

// TestAlone: what makes a plan load or run something that nobody has looked at waits, however it is written.
func TestAlone(t *testing.T) {
	need.Long(t, "it makes a commit for each of many cases")
	base := map[string]string{
		"box/main.tf": "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n" +
			"module \"vpc\" {\n  source = \"example/vpc/aws\"\n  version = \"1.0.0\"\n}\nprovider \"kubernetes\" {\n  exec {\n    command = \"aws\"\n  }\n}\n",
		"m/main.tf":       "resource \"aws_instance\" \"a\" {}\ndata \"aws_ami\" \"a\" {}\nresource \"terraform_data\" \"b\" {}\n",
		"box/set.tf.json": `{"terraform": {"required_version": ">= 1.1"}}`,
	}
	before := stacktest.TreeOf(t, base)
	for name, tt := range map[string]struct {
		file, text string
		want       string
	}{
		"nothing":                               {"box/none.txt", "", ""},
		"a resource of a known provider":        {"box/more.tf", "resource \"aws_vpc\" \"b\" {\n  provider = aws.west\n}\n", ""},
		"one that is built in":                  {"box/more.tf", "data \"terraform_remote_state\" \"b\" {}\n", ""},
		"a call of the same module":             {"m/more.tf", "module \"v\" {\n  source = \"example/vpc/aws\"\n  version = \"1.0.0\"\n}\n", ""},
		"a provider that nobody requires":       {"box/more.tf", "resource \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"the same in a data source":             {"m/more.tf", "data \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"the same in an ephemeral resource":     {"m/more.tf", "ephemeral \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"the same in JSON":                      {"box/more.tf.json", `{"resource": {"evil_thing": {"b": {}}}}`, "the provider evil"},
		"the same in a list, the key twice":     {"box/more.tf.json", `[{"resource": {"aws_vpc": {"b": {}}}, "resource": {"evil_thing": {"b": {}}}}]`, "the provider evil"},
		"a provider by its block":               {"box/more.tf", "provider \"evil\" {}\n", "the provider evil"},
		"a provider by its name":                {"box/more.tf", "resource \"aws_vpc\" \"b\" {\n  provider = evil\n}\n", "the provider evil"},
		"a provider by its name in quotes":      {"box/more.tf", "resource \"aws_vpc\" \"b\" {\n  provider = \"evil.x\"\n}\n", "the provider evil"},
		"a provider by its name in JSON":        {"box/more.tf.json", `{"resource": {"aws_vpc": {"b": {"provider": "evil.x"}}}}`, "the provider evil"},
		"a provider for an import":              {"box/more.tf", "import {\n  provider = evil\n  to = aws_vpc.b\n  id = \"x\"\n}\n", "the provider evil"},
		"a provider in OpenTofu's words":        {"box/more.tofu", "resource \"evil_thing\" \"b\" {}\n", "the provider evil"},
		"settings in OpenTofu's words":          {"m/main.tofu", "terraform {\n  backend \"s3\" {}\n}\n", "its backend or providers"},
		"settings in its JSON":                  {"m/main.tofu.json", `{"terraform": {"backend": {"s3": {}}}}`, "its backend or providers"},
		"a module behind OpenTofu's words":      {"box/more.tofu", "module \"x\" {\n  source = \"../odd\"\n}\n", "data external in odd/main.tofu"},
		"a module from elsewhere":               {"box/more.tf", "module \"x\" {\n  source = \"evil/x/aws\"\n}\n", "a module from elsewhere: evil/x/aws"},
		"another version of it":                 {"box/more.tf", "module \"x\" {\n  source = \"example/vpc/aws\"\n  version = \"2.0.0\"\n}\n", "example/vpc/aws 2.0.0"},
		"a module from git":                     {"m/more.tf.json", `{"module": {"x": {"source": "git::https://evil.example/x.git"}}}`, "git::https://evil.example/x.git"},
		"a module from who knows where":         {"box/more.tf", "module \"x\" {\n  source = var.source\n}\n", "nobody can tell where module x"},
		"a module above the repository":         {"box/more.tf", "module \"x\" {\n  source = \"../../x\"\n}\n", "outside of the repository"},
		"a module behind backslashes":           {"box/more.tf", "module \"x\" {\n  source = \"..\\\\odd\"\n}\n", "data external in odd/main.tofu"},
		"a program":                             {"box/more.tf", "data \"external\" \"b\" {}\n", "data external in box/more.tf"},
		"a program in JSON, the key twice":      {"box/more.tf.json", `{"data": {"external": {"b": {}}}, "data": {"aws_ami": {"c": {}}}}`, "data external in box/more.tf.json"},
		"a program in a check":                  {"box/more.tf", "check \"c\" {\n  data \"external\" \"b\" {}\n}\n", "data external in box/more.tf"},
		"a command of this machine":             {"box/more.tf", "data \"local_command\" \"b\" {}\n", "data local_command"},
		"a resource that is read by a script":   {"box/more.tf", "resource \"shell_script\" \"b\" {}\n", "resource shell_script"},
		"settings in JSON, the key twice":       {"box/set.tf.json", `{"terraform": {"backend": {"s3": {}}}, "terraform": {"required_version": ">= 1.1"}}`, "its backend or providers"},
		"the same in other blanks":              {"box/set.tf.json", "{\n\"terraform\":\n{\"required_version\":\">= 1.1\"}}", ""},
		"the same in other letters":             {"box/set.tf.json", `{"terr\u0061form": {"backend": {"s3": {}}}}`, "its backend or providers"},
		"JSON that is none":                     {"box/more.tf.json", `{"resource": `, "its backend or providers"},
		"plugins beside it":                     {"box/terraform.d/plugins/x", "elf", "terraform.d"},
		"another program of a provider":         {"box/more.tf", "provider \"kubernetes\" {\n  exec {\n    command = \"sh\"\n  }\n}\n", "the program that a provider or a backend runs"},
		"the configuration of a provider":       {"box/more.tf", "provider \"aws\" {\n  region = \"x\"\n}\n", "the configuration of a provider"},
		"a provider's file":                     {"box/more.tf", "provider \"aws\" {\n  shared_config_files = [\"aws.cfg\"]\n}\n", "a file of the repository, for provider aws"},
		"two of them":                           {"box/more.tf", "provider \"aws\" {\n  shared_config_files = [\"/etc/aws\", \"aws.cfg\"]\n}\n", "a file of the repository, for provider aws"},
		"one from a local value":                {"box/more.tf", "provider \"aws\" {\n  shared_credentials_files = local.files\n}\n", "a file of the repository, for provider aws"},
		"one of this machine's":                 {"box/more.tf", "provider \"kubernetes\" {\n  config_path = \"~/.kube/config\"\n}\n", "the program that a provider or a backend runs"},
		"a program from a local value":          {"box/more.tf", "provider \"kubernetes\" {\n  exec {\n    command = local.x\n  }\n}\n", "nobody can tell which, for provider kubernetes"},
		"all of it from a local value":          {"box/more.tf", "provider \"kubernetes\" {\n  exec = local.x\n}\n", "nobody can tell which, for provider kubernetes"},
		"another state":                         {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  backend = \"s3\"\n  config = {\n    bucket = var.bucket\n  }\n}\n", ""},
		"another state by a file":               {"m/more.tf", "data \"terraform_remote_state\" \"b\" {\n  backend = \"s3\"\n  config = {\n    shared_config_files = [\"aws.cfg\"]\n  }\n}\n", "a file of the repository, for data terraform_remote_state in m/more.tf"},
		"another state by a program":            {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  backend = \"kubernetes\"\n  config = {\n    exec = {\n      command = \"sh\"\n    }\n  }\n}\n", "the program that a provider or a backend runs"},
		"another state by who knows what":       {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  config = local.x\n}\n", "nobody can tell which, for data terraform_remote_state"},
		"another state, keys from who knows":    {"box/more.tf", "data \"terraform_remote_state\" \"b\" {\n  config = { (local.x) = 1 }\n}\n", "nobody can tell which, for data terraform_remote_state"},
		"another state in JSON":                 {"box/more.tf.json", `{"data": {"terraform_remote_state": {"b": {"config": {"shared_config_files": ["aws.cfg"]}}}}}`, "a file of the repository, for data terraform_remote_state"},
		"another state in JSON by a value":      {"box/more.tf.json", `{"data": {"terraform_remote_state": {"b": {"config": "${local.x}"}}}}`, "nobody can tell which, for data terraform_remote_state"},
		"a file of the repository, by provider": {"box/more.tf", "provider \"aws\" {\n  exec {\n    command = \"${path.module}/x\"\n  }\n}\n", "a file of the repository, for provider aws"},
		"the same in JSON, escaped":             {"box/more.tf.json", `{"provider": {"aws": {"\u0065xec": {"command": "./x"}}}}`, "a file of the repository, for provider aws"},
	} {
		t.Run(name, func(t *testing.T) {
			now := maps.Clone(base)
			now[tt.file] = tt.text
			now["odd/main.tofu"] = "data \"external\" \"x\" {}\n"
			why, err := Alone(before, stacktest.TreeOf(t, now), stack.Definition{Dir: "box"})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && why != "" || !strings.Contains(why, tt.want) {
				t.Errorf("got %q, want %q", why, tt.want)
			}
		})
	}
	if why, err := Alone(stacktest.TreeOf(t, map[string]string{"x.tf": ""}), stacktest.TreeOf(t, base), stack.Definition{Dir: "box"}); err != nil || why != "the whole stack is new" {
		t.Errorf("%q, %v", why, err)
	}
	backend := maps.Clone(base)
	backend["box/run.tf"] = "terraform {\n  backend \"s3\" {\n    shared_config_files = [\"aws.cfg\"]\n  }\n}\n"
	if why, err := Alone(stacktest.TreeOf(t, backend), stacktest.TreeOf(t, backend), stack.Definition{Dir: "box"}); err != nil || !strings.Contains(why, "for the backend in box/run.tf") {
		t.Errorf("a file for a backend that is there already: %q, %v", why, err)
	}
	run := maps.Clone(base)
	run["box/run.tf"] = "data \"external\" \"b\" {}\n"
	if why, err := Alone(stacktest.TreeOf(t, run), stacktest.TreeOf(t, run), stack.Definition{Dir: "box"}); err != nil || !strings.Contains(why, "its plan runs programs") {
		t.Errorf("a program that is there already, whose file may have changed: %q, %v", why, err)
	}
}
