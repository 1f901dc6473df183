package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/local"
)

// strikeAll strikes at each fault's moment, side by side, and returns when the last
// has ended.
func (t *trial) strikeAll(ctx context.Context, faults []fault) error {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range faults {
		group.Go(func() error {
			local.Pause(ctx, f.After-time.Since(began))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			t.say(f.String())
			struck, err := t.strike(ctx, f)
			if err != nil {
				t.say(fmt.Sprintf("%s: %v", f.Kind, err))
			}
			t.note(f.Kind, struck, err)
			return nil
		})
	}
	return group.Wait()
}

// note counts a strike that hit something, and keeps what went wrong with it.
func (t *trial) note(kind faultKind, struck bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if struck {
		t.struck[kind]++
	}
	if err != nil {
		t.complaints = append(t.complaints, fmt.Sprintf("%s: %v", kind, err))
	}
}

// strike strikes once, and says whether it hit something.
func (t *trial) strike(ctx context.Context, f fault) (bool, error) {
	switch f.Kind {
	case killWorker:
		return t.workers.Kill(renewals.Name, f.Pick)
	case killSink:
		return t.workers.Kill(analytics.Name, f.Pick)
	case freezeWorker:
		return t.workers.Freeze(ctx, renewals.Name, f.Pick, f.For)
	case freezeSink:
		return t.workers.Freeze(ctx, analytics.Name, f.Pick, f.For)
	case addWorker:
		return t.addWorker()
	case removeWorker:
		return t.removeWorker(f)
	case restartPostgres:
		return t.restart(ctx, serverPostgres, [2]syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}[f.Way])
	case restartAnalysts:
		return t.restart(ctx, serverAnalysts, [2]syscall.Signal{endOfInput, syscall.SIGKILL}[f.Way])
	case restartKafka:
		return t.restart(ctx, serverKafka, [2]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[f.Way])
	case cutPostgres, cutAnalysts, cutKafka:
		return t.cut(ctx, t.proxyOf(f.Kind), f)
	case delayPostgres, delayAnalysts, delayKafka:
		return t.delay(ctx, t.proxyOf(f.Kind), f)
	case resetPostgres, resetAnalysts, resetKafka:
		return t.proxyOf(f.Kind).reset(f.Luck) > 0, nil
	case produceTimeout:
		return t.proxies[serverKafka].loseAnswers(ctx, f), nil
	case dropCommitReply:
		return t.proxies[serverPostgres].loseAnswers(ctx, f), nil
	case clockStep:
		return t.stepClock(ctx, f)
	case diskFull, diskFullWAL, diskFullKafka:
		return t.fillDisk(ctx, f)
	}
	return false, fmt.Errorf("nobody knows how to strike with %s", f.Kind)
}

// endOfInput is how ClickHouse is asked to stop: no signal, its input ends.
const endOfInput syscall.Signal = 0

func (t *trial) addWorker() (bool, error) {
	if t.workers.Count(renewals.Name) >= mostRenewals {
		return false, nil
	}
	return true, t.workers.Start(renewals.Name)
}

// removeWorker stops a worker as an operator would; another comes when they get few.
func (t *trial) removeWorker(f fault) (bool, error) {
	struck, err := t.workers.Stop(renewals.Name, f.Pick)
	if err == nil && t.workers.Count(renewals.Name) < leastRenewals {
		err = t.workers.Start(renewals.Name)
	}
	return struck, err
}

// restart ends a server; its supervisor starts it again.
func (t *trial) restart(ctx context.Context, name string, how syscall.Signal) (bool, error) {
	server := t.servers.Server(name)
	if server.PID() == 0 {
		return false, nil // another fault was faster
	}
	ctx, cancel := context.WithTimeout(ctx, local.StopWithin)
	defer cancel()
	return true, server.End(ctx, how)
}

func (t *trial) proxyOf(kind faultKind) *proxy {
	switch kind {
	case cutPostgres, delayPostgres, resetPostgres:
		return t.proxies[serverPostgres]
	case cutAnalysts, delayAnalysts, resetAnalysts:
		return t.proxies[serverAnalysts]
	default:
		return t.proxies[serverKafka]
	}
}

// cut lets nothing through: either connections end and none can be made, or bytes
// stay away and come later.
func (t *trial) cut(ctx context.Context, p *proxy, f fault) (bool, error) {
	end := p.begin(weather{luck: f.Luck, cut: true, refusing: f.Way == 0})
	defer end()
	if f.Way == 0 {
		p.reset(f.Luck)
	}
	local.Pause(ctx, f.For)
	return true, nil
}

// delay slows every piece of every answer and question down.
func (t *trial) delay(ctx context.Context, p *proxy, f fault) (bool, error) {
	end := p.begin(weather{luck: f.Luck, delay: time.Duration(20+f.Pick%400) * time.Millisecond})
	defer end()
	local.Pause(ctx, f.For)
	return true, nil
}

// loseAnswers loses the answers to a few requests, and waits until it has, or time is
// up.
func (p *proxy) loseAnswers(ctx context.Context, f fault) bool {
	p.losing.Lock()
	defer p.losing.Unlock()
	before := p.lost.Load()
	p.silently.Store(f.Way == 1)
	p.toLose.Store(int64(1 + f.Pick%4))
	defer p.toLose.Store(0)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	over := time.Now().Add(f.For)
	for p.toLose.Load() > 0 && time.Now().Before(over) && ctx.Err() == nil {
		<-ticker.C
	}
	return p.lost.Load() > before
}

// stepClock sets the clock of a worker or a sink wrong, and right again.
func (t *trial) stepClock(ctx context.Context, f fault) (bool, error) {
	stage, by := stepOf(f)
	t.say(fmt.Sprintf("the clock of one of %s steps by %s", stage, by))
	return t.clocks.step(ctx, t.workers, stage, f.Pick, by, f.For)
}

// fillDisk leaves no room for another page of what lies on a disk, and waits, once
// there is room again, for the server that may have died of it.
func (t *trial) fillDisk(ctx context.Context, f fault) (struck bool, err error) {
	if t.noDisk != nil || !t.filling.TryLock() {
		return false, nil
	}
	defer t.filling.Unlock()
	d := t.disks[f.Kind]
	before := t.deaths(d.server)
	if err := d.fill(); err != nil {
		return false, err
	}
	struck = true
	if f.Kind == diskFullWAL {
		struck = t.useUpWAL(ctx, f.For)
	} else {
		local.Pause(ctx, f.For)
	}
	err = errors.Join(d.free(), t.comeBack(ctx, d.server))
	t.cause(d.server, t.deaths(d.server)-before)
	return struck, err
}

// walEvery is short enough that the segments of the WAL that Postgres has in store are
// used up while the disk is full.
const walEvery = 50 * time.Millisecond

// useUpWAL has Postgres write to its WAL and begin a new segment of it again and again,
// and says whether there came a time when it couldn't: it dies of that.
func (t *trial) useUpWAL(ctx context.Context, d time.Duration) (died bool) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for ctx.Err() == nil {
		_, err := t.record.Exec(ctx, "SELECT pg_logical_emit_message(true, 'chaos', ''), pg_switch_wal()")
		died = died || err != nil && ctx.Err() == nil
		local.Pause(ctx, walEvery)
	}
	return died
}

// comeBackWithin is longer than a server takes to start and its supervisor to try again.
const comeBackWithin = 45 * time.Second

// comeBack waits until a server answers whose disk has room again. One that doesn't is
// restarted, as an operator would, and that is the complaint: Postgres 18 was seen to
// hang where its recovery had met the full disk.
func (t *trial) comeBack(ctx context.Context, name string) error {
	waiting, cancel := context.WithTimeout(ctx, comeBackWithin)
	defer cancel()
	server := t.servers.Server(name)
	err := server.Ready(waiting)
	if err == nil || ctx.Err() != nil || server.PID() == 0 {
		return ctx.Err() // who heals waits for one that is dead at present
	}
	how := map[string]syscall.Signal{serverPostgres: syscall.SIGQUIT, serverKafka: syscall.SIGKILL}[name]
	return errors.Join(fmt.Errorf("%s had to be restarted, its disk had room again: %w", name, err), server.End(ctx, how))
}

// cause counts deaths of a server that a full disk caused.
func (t *trial) cause(name string, deaths int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.caused[name] += deaths
}

// deaths is how often a server died other than by a restart, or a disk that was full.
func (t *trial) deaths(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	restarts := map[string]faultKind{serverPostgres: restartPostgres, serverAnalysts: restartAnalysts, serverKafka: restartKafka}
	return t.servers.Server(name).Deaths() - t.struck[restarts[name]] - t.caused[name]
}
