{{/* The container of both shapes. Its security does not rest on the pod's, which in the sidecar shape is another chart's. */}}
{{- define "pullmeter.container" -}}
name: pullmeter
image: {{ include "pullmeter.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - serve
  - --config=/etc/pullmeter/config.yaml
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  {{- /* Stream buffers live outside the heap: leave them the other half of the memory limit. */}}
  - name: NODE_OPTIONS
    value: --max-old-space-size-percentage=50
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: pullmeter-admin
    containerPort: {{ include "pullmeter.adminPort" . }}
    protocol: TCP
  {{- if eq .Values.mode "daemonset" }}
  {{- /* On the host network: tells the scheduler which ports of the node are taken. */}}
  {{- range $port := include "pullmeter.listenerPorts" . | splitList "," }}
  - name: listener-{{ $port }}
    containerPort: {{ $port }}
    protocol: TCP
  {{- end }}
  {{- end }}
startupProbe:
  httpGet:
    path: /readyz
    port: pullmeter-admin
    {{- if .Values.config.admin.tls }}
    scheme: HTTPS
    {{- end }}
  {{- toYaml .Values.startupProbe | nindent 2 }}
livenessProbe:
  httpGet:
    path: /livez
    port: pullmeter-admin
    {{- if .Values.config.admin.tls }}
    scheme: HTTPS
    {{- end }}
  {{- toYaml .Values.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet:
    path: /readyz
    port: pullmeter-admin
    {{- if .Values.config.admin.tls }}
    scheme: HTTPS
    {{- end }}
  {{- toYaml .Values.readinessProbe | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: pullmeter-config
    mountPath: /etc/pullmeter
    readOnly: true
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
