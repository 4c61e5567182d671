{{/* The file that pullmeter reads: `config` as it is. */}}
{{- define "pullmeter.config" -}}
{{- toYaml .Values.config }}
{{- end }}

{{/* Changes with the configuration: as an annotation of a pod template it rolls the pods out, for the settings that need a restart. */}}
{{- define "pullmeter.configChecksum" -}}
{{- include "pullmeter.config" . | sha256sum }}
{{- end }}

{{- define "pullmeter.adminPort" -}}
{{- $address := .Values.config.admin.address }}
{{- if regexMatch "^(127\\.|localhost:|\\[::1\\])" $address }}
{{- fail (printf "config.admin.address is %s, where neither the kubelet's probes nor Prometheus can reach it; use 0.0.0.0:PORT" $address) }}
{{- end }}
{{- splitList ":" $address | last }}
{{- end }}

{{/* A duration in Go's notation, in seconds. */}}
{{- define "pullmeter.seconds" -}}
{{- $seconds := 0.0 }}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 }}
{{- $unit := regexFind "[a-z]+$" . }}
{{- $seconds = addf $seconds (mulf (trimSuffix $unit . | float64) (get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit)) }}
{{- end }}
{{- $seconds }}
{{- end }}

{{/* The kubelet's patience: draining, then lingering or the last spans and a push (3 s), and 1 s to leave. */}}
{{- define "pullmeter.gracePeriod" -}}
{{- $drain := include "pullmeter.seconds" (dig "timeouts" "drain" "25s" .Values.config) | float64 }}
{{- $linger := include "pullmeter.seconds" (dig "admin" "linger" "0s" .Values.config) | float64 }}
{{- $needed := addf $drain (maxf $linger 3.0) 1.0 | ceil }}
{{- if gt $needed (float64 .Values.terminationGracePeriodSeconds) }}
{{- fail (printf "terminationGracePeriodSeconds is %v, too short for config.timeouts.drain and config.admin.linger; use at least %v" .Values.terminationGracePeriodSeconds $needed) }}
{{- end }}
{{- .Values.terminationGracePeriodSeconds }}
{{- end }}

{{/* Each port once, joined by commas: an IPv4 and an IPv6 listener may share one. */}}
{{- define "pullmeter.listenerPorts" -}}
{{- $ports := list }}
{{- range .Values.config.listeners }}
{{- $ports = append $ports (splitList ":" .address | last) }}
{{- end }}
{{- $ports | uniq | join "," }}
{{- end }}

{{/* Where a client on the same network connects: a wildcard is an address to listen on, not one to dial. */}}
{{- define "pullmeter.dialAddress" -}}
{{- regexReplaceAll "^(0\\.0\\.0\\.0|\\[::\\]|):" . "127.0.0.1:" }}
{{- end }}

{{/* Points podman, buildah and skopeo in the same pod at the listeners that stand for one registry. */}}
{{- define "pullmeter.registriesConf" -}}
# Written by Helm. Plain HTTP, which never leaves the pod.
{{- range .Values.config.listeners }}
{{- if .registry }}

[[registry]]
prefix = {{ .registry | quote }}
location = {{ .registry | quote }}
[[registry.mirror]]
location = {{ include "pullmeter.dialAddress" .address | quote }}
insecure = true
{{- end }}
{{- end }}
{{- end }}
