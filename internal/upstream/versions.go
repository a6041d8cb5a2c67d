package upstream

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// versions is what a broker serves, as it was at a time.
type versions struct {
	*kmsg.ApiVersionsResponse
	at time.Time
}

// Versions is what a broker serves, with its features and their epoch; for Any
// it is what all live brokers serve. It is asked for again after Config.Refresh
// and whenever the broker was away. The result is shared and must not be
// changed. The error is Unavailable, or ctx's.
func (c *Cluster) Versions(ctx context.Context, broker int32) (*kmsg.ApiVersionsResponse, error) {
	c.mu.Lock()
	known, ok := c.versions[broker]
	c.mu.Unlock()
	if ok && time.Since(known.at) < c.cfg.Refresh {
		return known.ApiVersionsResponse, nil
	}
	if broker == Any && len(c.Brokers()) == 0 {
		if err := c.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return once(ctx, c, "versions "+strconv.Itoa(int(broker)), func(ctx context.Context) (*kmsg.ApiVersionsResponse, error) {
		ask := c.askVersions
		if broker == Any {
			ask = c.commonVersions
		}
		found, err := ask(ctx, broker)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.versions[broker] = versions{found, time.Now()}
		return found, nil
	})
}

const (
	apiVersionsKey     = 18
	unsupportedVersion = 35
	newestApiVersions  = 4
)

func (c *Cluster) askVersions(ctx context.Context, broker int32) (*kmsg.ApiVersionsResponse, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = newestApiVersions, "klamm", "1"
	for {
		answer, err := c.Request(ctx, broker, req)
		if err != nil {
			return nil, err
		}
		resp := answer.(*kmsg.ApiVersionsResponse)
		switch {
		case resp.ErrorCode == 0:
			if err := checkVersions(resp); err != nil {
				return nil, c.disbelieve(broker, apiVersionsKey, err)
			}
			return resp, nil
		case resp.ErrorCode != unsupportedVersion || req.Version == 0:
			return nil, c.disbelieve(broker, apiVersionsKey, fault.New(fault.Unavailable, "no versions but the Kafka error code %d", resp.ErrorCode))
		}
		req.Version = highest(resp, apiVersionsKey, req.Version-1)
	}
}

// highest is the highest version of key in resp up to limit, 0 if there is none.
func highest(resp *kmsg.ApiVersionsResponse, key, limit int16) int16 {
	for _, k := range resp.ApiKeys {
		if k.ApiKey == key {
			return max(0, min(k.MaxVersion, limit))
		}
	}
	return 0
}

// commonVersions asks all brokers and intersects. One that does not answer
// serves nobody, so it does not count.
func (c *Cluster) commonVersions(ctx context.Context, _ int32) (*kmsg.ApiVersionsResponse, error) {
	brokers := c.Brokers()
	answers := make([]*kmsg.ApiVersionsResponse, len(brokers))
	var asked sync.WaitGroup
	for i, b := range brokers {
		asked.Go(func() { answers[i], _ = c.Versions(ctx, b.ID) })
	}
	asked.Wait()
	answers = slices.DeleteFunc(answers, func(r *kmsg.ApiVersionsResponse) bool { return r == nil })
	if len(answers) == 0 {
		return nil, fault.New(fault.Unavailable, "no broker of cluster %q tells its versions", c.cfg.Name)
	}
	return intersect(answers), nil
}

// intersect keeps what all serve. Finalized features belong to the cluster:
// those of the highest epoch hold.
func intersect(all []*kmsg.ApiVersionsResponse) *kmsg.ApiVersionsResponse {
	common := *all[0]
	common.ApiKeys = slices.Clone(common.ApiKeys)
	common.SupportedFeatures = slices.Clone(common.SupportedFeatures)
	for _, other := range all[1:] {
		common.ApiKeys = slices.DeleteFunc(common.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
			return !slices.ContainsFunc(other.ApiKeys, func(o kmsg.ApiVersionsResponseApiKey) bool {
				return o.ApiKey == k.ApiKey && max(o.MinVersion, k.MinVersion) <= min(o.MaxVersion, k.MaxVersion)
			})
		})
		for i := range common.ApiKeys {
			k := &common.ApiKeys[i]
			for _, o := range other.ApiKeys {
				if o.ApiKey == k.ApiKey {
					k.MinVersion, k.MaxVersion = max(k.MinVersion, o.MinVersion), min(k.MaxVersion, o.MaxVersion)
				}
			}
		}
		if other.FinalizedFeaturesEpoch > common.FinalizedFeaturesEpoch {
			common.FinalizedFeatures, common.FinalizedFeaturesEpoch = other.FinalizedFeatures, other.FinalizedFeaturesEpoch
		}
	}
	return &common
}
