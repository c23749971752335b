package alone_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"sallyport/agent/packer/alone"
)

// tree is a commit's files.
type tree struct{ fstest.MapFS }

func (t tree) ReadFile(name string) ([]byte, error)       { return t.MapFS.ReadFile(name) }
func (t tree) ReadDir(name string) ([]fs.DirEntry, error) { return t.MapFS.ReadDir(name) }

func commit(files ...string) tree {
	t := tree{fstest.MapFS{"README.md": {}}}
	for i := 0; i < len(files); i += 2 {
		t.MapFS["img/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return t
}

const plain = `packer {
  required_plugins {
    amazon = { source = "github.com/hashicorp/amazon", version = "~> 1.3" }
  }
}
variable "size" { default = 10 }
source "amazon-ebs" "node" {
  ami_name      = "node-${var.size}"
  instance_type = "t3.small"
}
source "qemu" "node" {
  qemu_binary      = "qemu-system-x86_64"
  boot_command     = ["<wait>{{ .HTTPIP }}<enter>"]
  shutdown_command = "echo ${var.size} | sudo -S shutdown -P now"
}
build {
  sources = ["source.amazon-ebs.node", "source.qemu.node"]
  provisioner "shell" {
    execute_command = "sudo {{ .Path }}"
    scripts         = ["setup.sh"]
  }
  provisioner "shell-local" { command = "echo {{ .ID }}" }
  post-processor "manifest" {}
}
`

// A pull request may change what is built. What decides which programs run while Packer only validates it waits for somebody.
func TestImageInHCL(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"a variable":               {"default = 10", "default = 20", ""},
		"an argument":              {"t3.small", "t3.large", ""},
		"a script":                 {"setup.sh", "other.sh", ""},
		"what the machine runs":    {"<enter>", "<tab><enter>", ""},
		"the same provisioner":     {"post-processor", "provisioner \"shell\" { inline = [\"true\"] }\n  post-processor", ""},
		"another version":          {"~> 1.3", "~> 1.2", "it changes which plugins Packer fetches and runs"},
		"another builder":          {`"amazon-ebs" "node"`, `"amazon-chroot" "node"`, "it brings in the builder amazon-chroot"},
		"another provisioner":      {`provisioner "shell" {`, `provisioner "file" {`, "it brings in the provisioner file"},
		"another post-processor":   {`"manifest"`, `"checksum"`, "it brings in the post-processor checksum"},
		"in the place of cleaning": {"post-processor", "error-cleanup-provisioner \"powershell\" {}\n  post-processor", "it brings in the provisioner powershell"},
		"another program":          {"qemu-system-x86_64", "./qemu", "it changes what names a program: qemu_binary of its builder qemu"},
		"a program of a variable":  {`"qemu-system-x86_64"`, "var.qemu", "the qemu_binary of its builder qemu, which is no constant"},
		"a program of a template":  {"qemu-system-x86_64", "{{ user `q` }}", "which is no constant"},
		"credentials":              {"instance_type =", "shared_credentials_file = \"./c\"\n  instance_type =", "it changes what names a program: shared_credentials_file"},
		"in a nested block":        {"instance_type =", "run {\n    credential_process = \"./c\"\n  }\n  instance_type =", "credential_process of its builder amazon-ebs"},
		"a source of the build":    {"post-processor", "source \"qemu.node\" {\n    qemu_binary = \"./q\"\n  }\n  post-processor", "qemu_binary of its builder qemu"},
		"a data source":            {`variable "size"`, "data \"amazon-ami\" \"a\" {}\nvariable \"size\"", "its data source amazon-ami"},
		"what looks at a version":  {`provisioner "shell" {`, `provisioner "ansible" {`, "its provisioner ansible"},
		"provisioners of a list":   {"post-processor", "dynamic \"provisioner\" {\n    for_each = []\n  }\n  post-processor", "a dynamic provisioner"},
		"nothing that can be read": {"build {", "build {{", "what is in img/node.pkr.hcl"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(plain, tt.old) {
				t.Fatalf("the template has no %q", tt.old)
			}
			before, now := commit("node.pkr.hcl", plain), commit("node.pkr.hcl", strings.Replace(plain, tt.old, tt.new, 1))
			for _, template := range []string{"node.pkr.hcl", "."} {
				got := alone.Alone(before, now, "img", template)
				if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
					t.Errorf("%s: %q, want %q", template, got, tt.want)
				}
			}
		})
	}
}

const old = `{
  "variables": {"who": "nobody"},
  "builders": [{"type": "amazon-ebs", "ami_name": "x{{user ` + "`who`" + `}}", "qemu": {"qemu_binary": "q"}}],
  "provisioners": [{"type": "shell", "inline": ["true"]}, {"type": "shell-local", "command": "echo {{user ` + "`who`" + `}}"}],
  "post-processors": ["manifest", [{"type": "compress", "output": "x"}]]
}`

func TestImageInJSON(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"a variable":               {`"nobody"`, `"somebody"`, ""},
		"a script":                 {`"true"`, `"false"`, ""},
		"another builder":          {"amazon-ebs", "docker", "it brings in the builder docker"},
		"another provisioner":      {`"shell",`, `"file",`, "it brings in the provisioner file"},
		"another post-processor":   {`"manifest"`, `"vagrant"`, "it brings in the post-processor vagrant"},
		"in a list":                {"compress", "checksum", "it brings in the post-processor checksum"},
		"cleaning up":              {`"variables"`, `"error-cleanup-provisioner": {"type": "file"}, "variables"`, "it brings in the provisioner file"},
		"another program":          {`"q"`, `"./q"`, "it changes what names a program: qemu_binary of its builder amazon-ebs"},
		"a program of a variable":  {`"q"`, "\"{{user `q`}}\"", "which is no constant"},
		"what looks at a version":  {`"shell",`, `"ansible",`, "its provisioner ansible"},
		"no type":                  {`"type": "shell", "inline"`, `"inline"`, "a provisioner without a type"},
		"a strange post-processor": {`"manifest"`, `7`, "a post-processor that is nothing known"},
		"nothing that can be read": {`"builders": [`, `"builders": `, "what is in img/node.json"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(old, tt.old) {
				t.Fatalf("the template has no %q", tt.old)
			}
			got := alone.Alone(commit("node.json", old), commit("node.json", strings.Replace(old, tt.old, tt.new, 1)), "img", "node.json")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestImageFiles(t *testing.T) {
	same := commit("node.json", old, "setup.sh", "true")
	for name, tt := range map[string]struct {
		before, now tree
		template    string
		want        string
	}{
		"a script beside it":   {same, commit("node.json", old, "setup.sh", "false"), "node.json", ""},
		"a plugin beside it":   {same, commit("node.json", old, "packer-provisioner-shell", "evil"), "node.json", "the plugin packer-provisioner-shell in its directory"},
		"one that was there":   {commit("node.json", old, "packer-builder-x", "a"), commit("node.json", old, "packer-builder-x", "a"), "node.json", "the plugin packer-builder-x"},
		"its manifest":         {same, commit("node.json", old, "packer-manifest.json", "{}"), "node.json", ""},
		"a new image":          {commit(), same, "node.json", "the whole image is new"},
		"a new template":       {commit("setup.sh", "true"), same, "node.json", "the whole image is new"},
		"the template is gone": {same, commit("setup.sh", "true"), "node.json", ""},
		"HCL in JSON":          {commit("a.pkr.json", "{}"), commit("a.pkr.json", "{}"), ".", "what is in img/a.pkr.json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := alone.Alone(tt.before, tt.now, "img", tt.template)
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
