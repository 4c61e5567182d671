{{/*
What a pod needs to carry pullmeter. In a chart that depends on this one with `mode: sidecar`:

  metadata:
    labels:
      {{- include "pullmeter.sidecarLabels" .Subcharts.pullmeter | nindent 6 }}
    annotations:
      {{- include "pullmeter.sidecarAnnotations" .Subcharts.pullmeter | nindent 6 }}
  spec:
    initContainers:
      {{- include "pullmeter.sidecar" .Subcharts.pullmeter | nindent 6 }}
    containers:
      - name: executor
        volumeMounts:
          {{- include "pullmeter.mirrorMounts" .Subcharts.pullmeter | nindent 10 }}
    volumes:
      {{- include "pullmeter.volumes" .Subcharts.pullmeter | nindent 6 }}
*/}}

{{/* A native sidecar: up before the first container starts, stopped after the last one ended, no obstacle to a Job's end. */}}
{{- define "pullmeter.sidecar" -}}
{{- if ne .Values.mode "sidecar" }}
{{- fail "pullmeter.sidecar is included, but mode is not sidecar: a DaemonSet would be installed beside it" }}
{{- end -}}
- {{ include "pullmeter.container" . | indent 2 | trim }}
  restartPolicy: Always
{{- end }}

{{- define "pullmeter.volumes" -}}
- name: pullmeter-config
  configMap:
    name: {{ include "pullmeter.fullname" . }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Mirror configuration for containers that run podman, buildah or skopeo. */}}
{{- define "pullmeter.mirrorMounts" -}}
- name: pullmeter-config
  mountPath: /etc/containers/registries.conf.d/50-pullmeter.conf
  subPath: registries.conf
  readOnly: true
{{- end }}

{{/* How the PodMonitor finds pods of other charts, whose own labels it cannot know. */}}
{{- define "pullmeter.sidecarLabels" -}}
pullmeter/sidecar: {{ include "pullmeter.fullname" . }}
{{- end }}

{{- define "pullmeter.sidecarAnnotations" -}}
checksum/pullmeter-config: {{ include "pullmeter.configChecksum" . }}
{{- end }}
