package triggers

import (
	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/config"
	"sallyport/store"
)

// beginOverviews gives the commit runs that were just made together one message for each channel with several of them.
func (t *Triggers) beginOverviews(tx *store.Tx, conf *active.Config, r *config.Repository, head string, findings []*finding) error {
	if conf.Cfg.Slack == nil {
		return nil // the log is read in its own order
	}
	fresh := map[string][]*store.Run{}
	for _, f := range findings {
		st, err := tx.Stack(f.stack.Name)
		if err != nil {
			return err
		}
		if st.OpenRun == 0 {
			continue
		}
		run, err := tx.Run(st.OpenRun)
		if err != nil {
			return err
		}
		if run.Kind == store.KindCommit && run.Status == store.Pending && run.Commit == head && run.Batch == 0 && run.Overview == "" {
			channel := active.ChannelOf(conf.Cfg, f.stack)
			fresh[channel] = append(fresh[channel], run)
		}
	}
	for channel, runs := range fresh {
		o := &announce.Overview{Repository: r.Name, Commit: head, Channel: channel}
		all, have, err := announce.Overviews(tx, o.Key())
		if err != nil {
			return err
		}
		switch {
		case have != nil:
			o = have
		case len(runs) < 2:
			continue
		default:
			all = append(all, o)
		}
		if err := announce.Join(tx, all, o, runs...); err != nil {
			return err
		}
	}
	return nil
}
