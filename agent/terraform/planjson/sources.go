package planjson

import (
	"encoding/json"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
)

// sourceAttributes are the arguments, nested blocks among them, by which resources of the usual providers say what the data of a new
// object is: a snapshot, a backup, another object that it is a copy of. They stand here with their whole names: final_snapshot,
// snapshot_window and source_dest_check are nothing of that kind, and the image that a disk begins with is not its data.
var sourceAttributes = slices.Sorted(slices.Values([]string{
	// AWS
	"snapshot_id", "snapshot_identifier", "snapshot_arn", "snapshot_arns", "snapshot_name", "cluster_snapshot_identifier",
	"restore_to_point_in_time", "replicate_source_db", "replication_source_identifier", "s3_import", "backup_id", "origin_snapshot",
	"restore_source_name", "restore_source_table_arn", "import_table",
	// Google
	"snapshot", "source_snapshot", "source_disk", "source_instant_snapshot", "source_backup", "clone", "restore_backup_context",
	"restore_backup_source", "restore_continuous_backup_source",
	// Azure
	"source_resource_id", "source_uri", "source_server_id", "creation_source_database_id", "creation_source_server_id",
	"recover_database_id", "restore_dropped_database_id", "recovery_point_id", "restore",
	// others
	"source", "source_volume_id", "source_vol_id", "restore_from", "restore_from_backup", "restore_snapshot_id", "backup_restore",
	"from_snapshot", "from_backup", "clone_from",
}))

func isSource(name string) bool {
	_, found := slices.BinarySearch(sourceAttributes, name)
	return found
}

// sources are the arguments of an object that say where its data comes from, if it is a new one.
type sources struct {
	known []string // have a value
	later []string // get one that only the apply will know, from the configuration or from the provider
}

func (s *sources) note(name string, after json.RawMessage, later any) {
	switch {
	case !empty(after):
		s.known = append(s.known, name)
	case hasTrue(later):
		s.later = append(s.later, name)
	}
}

// sourcesLater reports whether only the configuration tells if a new object gets its data from somewhere. Most new disks are such,
// since their providers fill in what is left out.
func (p *Plan) sourcesLater() bool {
	return slices.ContainsFunc(p.resources, func(rc resourceChange) bool {
		return slices.Contains(rc.Change.Actions, tfjson.ActionCreate) && len(rc.diff.Sources.later) > 0
	})
}

// namedSources are the arguments by which the configuration says where the data of a new object comes from. One whose value only the
// apply knows counts where the configuration writes what it is made of.
func (p *Plan) namedSources(rc resourceChange) []string {
	named, later := slices.Clone(rc.diff.Sources.known), rc.diff.Sources.later
	if len(later) == 0 || p.config == nil {
		return named
	}
	modules, resource := configAddress(rc.Address)
	written := tracer{root: p.config}.expressions(modules, resource)
	for _, name := range later {
		if len(references(written[name])) > 0 {
			named = append(named, name)
		}
	}
	slices.Sort(named)
	return named
}
