{{/* The file that pullmeter reads: `config` as it is. */}}
{{- define "pullmeter.config" -}}
{{- toYaml .Values.config }}
{{- end }}

{{/* Changes with the configuration: as an annotation of a pod template it rolls the pods out, since the file is read once. */}}
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
