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

// strikeAll strikes with each fault at its moment and returns when the last one has ended.
// Several faults may last at the same time.
func (e *experiment) strikeAll(ctx context.Context, faults []fault) error {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range faults {
		group.Go(func() error {
			local.Pause(ctx, f.After-time.Since(began))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.say(f.String())
			struck, err := e.strike(ctx, f)
			if err != nil {
				e.say(fmt.Sprintf("%s: %v", f.Kind, err))
			}
			e.countStrike(f.Kind, struck, err)
			return nil
		})
	}
	return group.Wait()
}

// countStrike counts a strike that hit something, and keeps what went wrong with it.
func (e *experiment) countStrike(kind faultKind, struck bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if struck {
		e.struck[kind]++
	}
	if err != nil {
		e.complaints = append(e.complaints, fmt.Sprintf("%s: %v", kind, err))
	}
}

// strike strikes with one fault and returns when it has ended. False says that there was
// nothing to hit.
func (e *experiment) strike(ctx context.Context, f fault) (bool, error) {
	switch f.Kind {
	case killRenewals:
		return e.workers.Kill(renewals.Name, f.Pick)
	case killAnalytics:
		return e.workers.Kill(analytics.Name, f.Pick)
	case freezeRenewals:
		return e.workers.Freeze(ctx, renewals.Name, f.Pick, f.For)
	case freezeAnalytics:
		return e.workers.Freeze(ctx, analytics.Name, f.Pick, f.For)
	case addWorker:
		return e.addWorker()
	case removeWorker:
		return e.removeWorker(f)
	case addChannel:
		return e.addChannel(ctx)
	case restartPostgres:
		return e.restart(ctx, serverPostgres, [2]syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}[f.Way])
	case restartClickHouse:
		return e.restart(ctx, serverClickHouse, [2]syscall.Signal{endOfInput, syscall.SIGKILL}[f.Way])
	case restartKafka:
		return e.restart(ctx, serverKafka, [2]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[f.Way])
	case cutPostgres, cutClickHouse, cutKafka:
		return e.cut(ctx, e.proxyOf(f.Kind), f)
	case delayPostgres, delayClickHouse, delayKafka:
		return e.delay(ctx, e.proxyOf(f.Kind), f)
	case resetPostgres, resetClickHouse, resetKafka:
		return e.proxyOf(f.Kind).resetLinks(f.ToxicRate) > 0, nil
	case produceTimeout:
		return e.proxies[serverKafka].loseAnswers(ctx, f), nil
	case dropCommitReply:
		return e.proxies[serverPostgres].loseAnswers(ctx, f), nil
	case clockStep:
		return e.stepClock(ctx, f)
	case diskFull, diskFullWAL, diskFullKafka:
		return e.fillDisk(ctx, f)
	}
	return false, fmt.Errorf("there is no way to strike with %s", f.Kind)
}

// endOfInput is how ClickHouse is asked to stop: not by a signal, but by the end of its
// input.
const endOfInput syscall.Signal = 0

func (e *experiment) addWorker() (bool, error) {
	if e.workers.Count(renewals.Name) >= mostRenewals {
		return false, nil
	}
	return true, e.workers.Start(renewals.Name)
}

// removeWorker stops a worker as an operator would, and starts another where too few are
// left.
func (e *experiment) removeWorker(f fault) (bool, error) {
	struck, err := e.workers.Stop(renewals.Name, f.Pick)
	if err == nil && e.workers.Count(renewals.Name) < leastRenewals {
		err = e.workers.Start(renewals.Name)
	}
	return struck, err
}

// restart ends a server; its supervisor starts it again.
func (e *experiment) restart(ctx context.Context, name string, how syscall.Signal) (bool, error) {
	server := e.servers.Server(name)
	if server.PID() == 0 {
		return false, nil // another fault has just ended it
	}
	ctx, cancel := context.WithTimeout(ctx, local.StopWithin)
	defer cancel()
	return true, server.End(ctx, how)
}

func (e *experiment) proxyOf(kind faultKind) *proxy {
	switch kind {
	case cutPostgres, delayPostgres, resetPostgres:
		return e.proxies[serverPostgres]
	case cutClickHouse, delayClickHouse, resetClickHouse:
		return e.proxies[serverClickHouse]
	default:
		return e.proxies[serverKafka]
	}
}

// cut lets no data through. Either connections end and none can be made, or connections
// stay open and the data arrives after the cut.
func (e *experiment) cut(ctx context.Context, p *proxy, f fault) (bool, error) {
	defer p.add(toxic{rate: f.ToxicRate, cut: true, refusing: f.Way == 0})()
	if f.Way == 0 {
		p.resetLinks(f.ToxicRate)
	}
	local.Pause(ctx, f.For)
	return true, nil
}

// delay delays every piece of data in both directions, by 20 to 419 ms.
func (e *experiment) delay(ctx context.Context, p *proxy, f fault) (bool, error) {
	defer p.add(toxic{rate: f.ToxicRate, delay: time.Duration(20+f.Pick%400) * time.Millisecond})()
	local.Pause(ctx, f.For)
	return true, nil
}

// loseAnswers loses the answers to one to four requests, and waits until it has lost them
// or the fault's time is over. False says that it lost none.
func (p *proxy) loseAnswers(ctx context.Context, f fault) bool {
	p.losing.Lock()
	defer p.losing.Unlock()
	before := p.lost.Load()
	p.silently.Store(f.Way == 1)
	p.toLose.Store(int64(1 + f.Pick%4))
	defer p.toLose.Store(0)
	ctx, cancel := context.WithTimeout(ctx, f.For)
	defer cancel()
	for p.toLose.Load() > 0 && local.Pause(ctx, 50*time.Millisecond) {
	}
	return p.lost.Load() > before
}

// stepClock sets the clock of one worker process wrong, and right again.
func (e *experiment) stepClock(ctx context.Context, f fault) (bool, error) {
	stage, by := stepOf(f)
	e.say(fmt.Sprintf("the clock of one of %s steps by %s", stage, by))
	return e.clocks.step(ctx, e.workers, stage, f.Pick, by, f.For)
}

// fillDisk leaves no room on a disk for another page. Once there is room again it waits
// for the server, which may have died of it.
func (e *experiment) fillDisk(ctx context.Context, f fault) (struck bool, err error) {
	if e.diskError != nil || !e.filling.TryLock() {
		return false, nil
	}
	defer e.filling.Unlock()
	d := e.disks[f.Kind]
	before := e.deaths(d.server)
	if err := d.fill(); err != nil {
		return false, err
	}
	struck = true
	if f.Kind == diskFullWAL {
		struck = e.useUpWAL(ctx, f.For)
	} else {
		local.Pause(ctx, f.For)
	}
	err = errors.Join(d.free(), e.awaitServer(ctx, d.server))
	e.addCaused(d.server, e.deaths(d.server)-before)
	return struck, err
}

// walEvery is short enough that Postgres uses up the WAL segments that it has in reserve
// while the disk is full.
const walEvery = 50 * time.Millisecond

// useUpWAL makes Postgres write to its WAL and begin a new segment, again and again. True
// says that it could not at some moment: it dies of that.
func (e *experiment) useUpWAL(ctx context.Context, d time.Duration) (died bool) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for ctx.Err() == nil {
		_, err := e.postgres.Exec(ctx, "SELECT pg_logical_emit_message(true, 'chaos', ''), pg_switch_wal()")
		died = died || err != nil && ctx.Err() == nil
		local.Pause(ctx, walEvery)
	}
	return died
}

// serverWithin is longer than a server takes to start and its supervisor to try again.
const serverWithin = 45 * time.Second

// awaitServer waits until a server answers whose disk has room again. One that does not
// answer is restarted, as an operator would, and that is a complaint: Postgres 18 was seen
// to hang after its recovery had met the full disk.
func (e *experiment) awaitServer(ctx context.Context, name string) error {
	waiting, cancel := context.WithTimeout(ctx, serverWithin)
	defer cancel()
	server := e.servers.Server(name)
	err := server.Ready(waiting)
	if err == nil || ctx.Err() != nil || server.PID() == 0 {
		return ctx.Err() // the end of the round waits for a server that is starting again
	}
	how := map[string]syscall.Signal{serverPostgres: syscall.SIGQUIT, serverKafka: syscall.SIGKILL}[name]
	return errors.Join(fmt.Errorf("%s had to be restarted, its disk had room again: %w", name, err), server.End(ctx, how))
}

// addCaused counts deaths of a server that a full disk caused.
func (e *experiment) addCaused(name string, deaths int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.caused[name] += deaths
}

// deaths is how often a server died other than by a restart or a full disk.
func (e *experiment) deaths(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	restarts := map[string]faultKind{serverPostgres: restartPostgres, serverClickHouse: restartClickHouse, serverKafka: restartKafka}
	return e.servers.Server(name).Deaths() - e.struck[restarts[name]] - e.caused[name]
}
